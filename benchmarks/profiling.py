"""Where the time of the uniformity chapter goes: torch's profiler over its measuring on the bundled models.

`python benchmarks/profiling.py` prints the table; `make bench` puts it into results/bench.json.
"""

import time

from torch.profiler import ProfilerActivity, profile

from seelike.chapters import uniformity
from seelike.images import datasets
from seelike.models import loading

ROWS = 12
NAMES = {"vit": "vit_pocket_patch8_56.shapes", "cnn": "resnet_pocket.shapes"}


def profile_uniformity(n_images: int = 256, batch: int = 64) -> dict:
    """The operators that took longest themselves, as shares of all; the rest is drawing, Python and small operators."""
    loaded = {role: loading.load_model(role, name, "", 0, "cpu") for role, name in NAMES.items()}
    transforms = {role: loading.transform_of(model) for role, model in loaded.items()}
    chosen = datasets.choose(datasets.open_images("shapes"), n_images, seed=0)
    find_minibatches = lambda _: datasets.load_minibatches(chosen, transforms, batch, "cpu")  # noqa: E731
    next(uniformity.measure_runs([loaded], find_minibatches, "all"))  # warm
    start = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=False) as profiled:
        next(uniformity.measure_runs([loaded], find_minibatches, "all"))
    seconds = time.perf_counter() - start
    events = sorted(profiled.key_averages(), key=lambda event: event.self_cpu_time_total, reverse=True)
    rows = [
        {"operator": event.key, "calls": event.count, "share": event.self_cpu_time_total / 1e6 / seconds}
        for event in events[:ROWS]
    ]
    other = sum(event.self_cpu_time_total for event in events[ROWS:]) / 1e6 / seconds
    return {
        "images": n_images,
        "seconds": seconds,
        "rows": rows,
        "other_operators": other,
        "outside_operators": max(0.0, 1 - other - sum(row["share"] for row in rows)),
    }


if __name__ == "__main__":
    found = profile_uniformity()
    for row in found["rows"]:
        print(f"{row['share']:6.1%} {row['calls']:8} {row['operator']}")
    print(f"{found['other_operators']:6.1%}          other operators")
    print(f"{found['outside_operators']:6.1%}          outside operators: drawing, Python")
