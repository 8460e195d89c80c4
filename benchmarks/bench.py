"""All that measuring costs, on one machine, as ratios: `make bench`, into results/bench.json.

Bars (2 cores, ViT-S/14 and EfficientNet-Lite0, 256 photographs, minibatches of 64) are printed beside what was found.
What is compared is measured in one part, and takes turns. Parts can be measured one at a time (`--only`), where the
machine is idle for less than all take: the file keeps the others, if they are of the same machine and case, and of each
part when it was measured, on which commit, and the load of the machine before and after.
"""

import argparse
import datetime
import json
import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import book
import peer
import work
from cases import Case, add_arguments
from clock import describe_machine, run_apart, take_turns
from profiling import profile_uniformity

from seelike.activations.architecture import Architecture
from seelike.measures.receptive_field import find_branches
from seelike.system.errors import InputError
from seelike.system.files import write_text
from seelike.system.paths import RESULTS, read_commit

BARS = {
    "cka_over_forward": ("at most", 1.15),
    "measures_over_cka_all": ("at most", 2),
    "peer_over_ours_blocks": ("at least", 3),
    "peer_over_ours_all": ("at least", 40),
    "modern_peer_over_ours_blocks": ("at least", 1.5),
    "modern_peer_over_ours_leaf": ("at least", 1),
    "difference_ours": ("at most", 1e-5),
    "difference_leaf": ("at most", 1e-6),
    "memory_growth": ("at most", 0.05),
    "attention_over_forward": ("at most", 1.5),
    "norm_ratio_over_forward": ("at most", 1.2),
    "field_over_forward": ("at most", 8),
}
DIFFERENCES = ("difference_ours", "difference_peer", "difference_modern_peer")  # the largest of all comparisons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--peer-images", type=int, default=32, help="of the peer's comparisons of all layers")
    parser.add_argument("--most-images", type=int, default=1000, help="memory at so many against a quarter of them")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}; one by one")
    parser.add_argument("--public", metavar="WORDS", help='of `seelike run all`, for the part "public": "--profile …"')
    parser.add_argument("--output", type=Path, default=RESULTS / "bench.json")
    given = parser.parse_args()
    wanted = given.only or [*DEFAULT, *(["public"] if given.public else [])]
    if missing := [name for name in ("torch_cka", "cka") if find_spec(name) is None]:
        parser.error(f"{missing[0]} is missing: make bench, or pip install --no-deps -r benchmarks/requirements.txt")
    if "public" in wanted and not given.public:
        parser.error("--only public needs --public WORDS")
    try:
        case = Case.of(given)
        case.layers()  # opens the pictures
        found = begin(given.output, describe_case(case), wanted)
    except InputError as error:
        parser.error(str(error))
    for name in wanted:
        before = describe_load()
        measured = PARTS[name](case)
        found["parts"][name] = before | {"load_after": describe_load()["load_before"]}
        found |= measured
        found["bars"] = {name: bar for name, bar in BARS.items() if name in found}
        _report(measured)
        _write(given.output, found)


def begin(file: Path, head: dict, wanted: list[str]) -> dict:
    """What a file has of other parts than those to be measured, under `head`; nothing where all are measured anew.

    Raises InputError if what is kept comes from another machine or case.
    """
    if not file.is_file() or set(wanted) >= set(DEFAULT):
        return head | {"parts": {}}
    old = json.loads(file.read_text(encoding="utf-8"))
    for name in ("machine", "case"):
        if old.get(name) != _rounded(head[name]):
            raise InputError(f"--only: {file} comes from another {name}; measure all parts, or give another --output")
    return old | head


def describe_case(case: Case) -> dict:
    """On what was measured, and where."""
    given = case.given
    seen = {"models": case.names, "pictures": case.pictures, "images": given.images, "batch": given.batch}
    return {"machine": describe_machine(), "case": seen}


def describe_load() -> dict:
    """Now, the commit, and how many processes want to run."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"time": now, "commit": read_commit(), "load_before": round(os.getloadavg()[0], 2)}


def _measure_overheads(case: Case) -> dict:
    """Every measure over forward passes of the same images alone."""
    batches, blocks, every = case.keep(), case.layers("blocks"), case.layers("all")
    both, cka, cka_all, measures_all = take_turns(
        lambda: work.forward(case, batches),
        lambda: work.compare(case, batches, blocks),
        lambda: work.compare(case, batches, every),
        lambda: work.compare_by_all(case, batches, every),
    )
    vit, look, weigh, probe = take_turns(
        lambda: work.forward(case, batches, ("vit",)),
        lambda: work.look(case, batches),
        lambda: work.weigh(case, batches),
        lambda: work.probe(case, batches),
    )
    few = [{role: images[:48] for role, images in batches[0].items()}]  # graphs of 8 images are kept at a time
    vit_model = case.models["vit"]
    branches = find_branches(Architecture.of(vit_model, few[0]["vit"]), vit_model)
    names = [*blocks["vit"], *branches.inside]
    pass_of_few, field = take_turns(
        lambda: work.forward(case, few, ("vit",)), lambda: work.differentiate(case, few, names)
    )
    return {
        "forward_seconds": both,
        "cka_over_forward": cka / both,
        "cka_all_over_forward": cka_all / both,
        "measures_over_cka_all": measures_all / cka_all,
        "attention_over_forward": look / vit,
        "norm_ratio_over_forward": weigh / vit,
        "probes_over_forward": probe / vit,
        "field_over_forward": field / pass_of_few,
        "layers": {name: sum(map(len, each.values())) for name, each in (("blocks", blocks), ("all", every))},
    }


def _ask_peer(case: Case) -> dict:
    few = case.given.peer_images
    peers = {
        "blocks": peer.compare_blocks(case, case.given.images, case.given.batch),
        "all": peer.compare_parts(case, few, few),
        "set_all": peer.compare_all(case, few, few),
    }
    return {
        **{f"peer_over_ours_{layers}": each["peer_over_ours"] for layers, each in peers.items()},
        "modern_peer_over_ours_blocks": peers["blocks"]["modern_peer_over_ours"],
        "modern_peer_over_ours_leaf": peers["all"]["modern_peer_over_ours"],  # of innermost modules
        "modern_peer_over_ours_set_all": peers["set_all"]["modern_peer_over_ours"],
        "difference_leaf": peers["all"]["difference_ours"],
        **{name: max(each[name] for each in peers.values()) for name in DIFFERENCES},
        "peer": peers,
    }


def _measure_growth(case: Case) -> dict:
    """Seconds and peak memory against images, layers and the size of a minibatch, each run a process of its own."""
    given = case.given
    files = ["--vit-weights", given.vit_weights, "--cnn-weights", given.cnn_weights, "--photographs", given.photographs]

    def grow(images: int, batch: int, layers: str = "blocks") -> dict:
        sizes = ["--images", str(images), "--batch", str(batch), "--layers", layers]
        return json.loads(run_apart("growth.py", *files, *sizes))

    most, batch = given.most_images, given.batch
    by_images = [grow(images, batch) for images in (most // 4, most // 2, most)]
    return {
        "memory_growth": by_images[-1]["peak_mib"] / by_images[0]["peak_mib"] - 1,
        "by_images": by_images,
        "by_layers": [grow(given.images, batch, layers) for layers in ("blocks", "all")],
        "by_batch": [grow(given.images, size) for size in (batch // 4, batch // 2, batch, 2 * batch)],
    }


def _measure_starts(case: Case) -> dict:
    """What a user waits for before anything is measured, and where the time goes in a chapter."""
    return {
        "import_seconds": book.time_import(),
        "load_seconds": book.time_loading(),
        "profile": profile_uniformity(),
    }


PARTS = {
    "overheads": _measure_overheads,
    "peers": _ask_peer,
    "sizes": _measure_growth,
    "starts": _measure_starts,
    "chapters": lambda case: {"chapter_seconds": book.time_chapters()},
    "book": lambda case: {"book_seconds": book.time_book()},
    "growth": lambda case: {"growth": book.measure_growth()},  # half an hour
    "tests": lambda case: {"test_minutes": book.time_tests()},  # after a `make book`
    "public": lambda case: {"public_minutes": book.time_public(shlex.split(case.given.public))},
}
DEFAULT = [name for name in PARTS if name not in ("tests", "public")]


def _report(found: dict) -> None:
    """All numbers but the profile's, those with a bar beside it; the file has them again, under the same names."""
    for name, value in _flatten({name: value for name, value in found.items() if name != "profile"}):
        way, bar = BARS.get(name, ("", None))
        met = "" if bar is None else "met" if (value <= bar) == (way == "at most") else "MISSED"
        print(f"{name:32}{value:12.4g}  {f'{way} {bar:g}: {met}' if met else ''}")


def _flatten(value, name: str = ""):
    """(name, number) of all numbers inside dictionaries and lists, names joined by dots."""
    if isinstance(value, (int, float)):
        yield name, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _flatten(item, f"{name}.{key}" if name else str(key))


def _write(target: Path, content: dict) -> None:
    write_text(target, json.dumps(_rounded(content), indent=1) + "\n")
    print(target, file=sys.stderr)


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
