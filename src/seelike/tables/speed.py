"""What measuring costs: what `make bench` found, from its file, in tables and words."""

import json
from pathlib import Path

from seelike.system.errors import InputError
from seelike.system.paths import RESULTS
from seelike.tables.markdown import table

FILE = RESULTS / "bench.json"
PEERS = {
    "blocks": "blocks of both models",
    "all": "innermost modules in the ViT's blocks",
    "set_all": "layers of both models, `layers=all`",
}
# What a bar is about, in the order of the table; all but the differences and the growth are ratios of seconds.
MEANINGS = {
    "cka_over_forward": "CKA of all pairs of blocks, over forward passes alone",
    "measures_over_cka_all": "all pairs of all layers by five measures, over CKA alone, with the pass of each",
    "peer_over_ours_blocks": f"torch_cka over seelike, {PEERS['blocks']}",
    "peer_over_ours_all": f"torch_cka over seelike, {PEERS['all']}",
    "modern_peer_over_ours_blocks": f"pytorch-cka over seelike, {PEERS['blocks']}",
    "modern_peer_over_ours_leaf": f"pytorch-cka over seelike, {PEERS['all']}",
    "difference_ours": "seelike's CKA against float64, largest difference",
    "difference_leaf": f"the same, {PEERS['all']}",
    "memory_growth": "peak memory, growth from a quarter of the images to all",
    "attention_over_forward": "attention distance of the ViT, over its forward passes",
    "norm_ratio_over_forward": "norm ratio and cosine of the ViT, over its forward passes",
    "field_over_forward": "receptive fields of the ViT's blocks, attention branches and sums, over forward passes",
}
OTHERS = {
    "peer_over_ours_set_all": f"torch_cka over seelike, {PEERS['set_all']}",
    "modern_peer_over_ours_set_all": f"pytorch-cka over seelike, {PEERS['set_all']}",
    "cka_all_over_forward": "CKA of all pairs of all layers, over forward passes",
    "difference_peer": "torch_cka's CKA against float64, largest difference",
    "difference_modern_peer": "pytorch-cka's CKA against float64, largest difference",
    "probes_over_forward": "probes of all blocks of the ViT, over its forward passes",
    "import_seconds": "`import seelike.models`, seconds",
    "book_seconds": "executing every page of the book, seconds",
    "test_minutes": "`make test`, minutes",
    "public_minutes": "all chapters on public models and photographs, minutes",
}
WHO = {"forward": "Passes alone", "ours": "seelike", "peer": "torch_cka", "modern_peer": "pytorch-cka"}
AXES = {"images": "images", "depth": "blocks", "side": "side in pixels"}  # what grew → how it is called
ABSENT = "not measured"  # by an earlier `make bench`, or with an option that left it out
# What was varied → the key of its size in a run, and the size's name.
GROWTHS = {"by_images": ("images", "images"), "by_layers": ("layers", "layers"), "by_batch": ("batch", "minibatch")}


def read(path: str | Path = FILE) -> dict:
    """What `make bench` wrote. Raises InputError, which names the file, if it is missing or something else."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the file {path} of `make bench` cannot be read: {error}") from None
    wanted = ("machine", "case", "bars", "parts", "profile", "by_images", "by_layers", "by_batch", "peer")
    missing = [name for name in wanted if not isinstance(found, dict) or name not in found]
    missing = missing or [name for name in found["bars"] if name not in MEANINGS or name not in found]
    missing = missing or [f"peer.{name}" for name in PEERS if name not in found["peer"]]
    if missing:
        raise InputError(f"the file {path} is none of `make bench`: it has no {missing[0]}")
    return found


def bars(found: dict) -> str:
    """One row a number: what was found, the bar it was to meet, and whether it did; those without a bar after them."""
    lines = [["What", "Found", "Bar", ""], ["---", "---:", "---:", "---"]]
    for name, meaning in [(name, meaning) for name, meaning in MEANINGS.items() if name in found["bars"]]:
        way, bar = found["bars"][name]
        met = (found[name] <= bar) == (way == "at most")
        lines.append([meaning, _tell(found[name]), f"{way} {_tell(bar)}", "✓ met" if met else "✗ missed"])
    lines += [[meaning, _tell(found[name]), "", ""] for name, meaning in OTHERS.items() if name in found]
    return table(lines)


def peers(found: dict) -> str:
    """Seconds of CKA of all pairs, by each package, beside the passes that none can do without; ratios over seelike."""
    ratios = [f"{WHO[name]} over seelike" for name in ("peer", "modern_peer")]
    lines = [["Layers", "Images by minibatch", *WHO.values(), *ratios], ["---", *["---:"] * 7]]
    for name, meaning in PEERS.items():
        each = found["peer"][name]
        n_layers = sum(each["layers"].values())
        row = [f"{n_layers} {meaning}", f"{each['images']} by {each['batch']}"]
        row += [_say(each, f"seconds_{who}", " s") for who in WHO]
        lines.append(row + [_say(each, f"{who}_over_ours") for who in ("peer", "modern_peer")])
    return table(lines)


def peaks(found: dict) -> str:
    """The most memory of the process while each package was at work on the same, models and images included."""
    lines = [["Layers", *(f"{who}, MiB" for who in WHO.values())], ["---", *["---:"] * 4]]
    for name, meaning in PEERS.items():
        each = found["peer"][name]
        lines.append([meaning, *(_say(each, f"peak_mib_{who}", digits=5) for who in WHO)])
    return table(lines)


def parts(found: dict) -> str:
    """A row a part of the benchmarks: when it was measured, on which commit, and the machine's load around it."""
    lines = [["Part", "Day", "Commit", "Load before", "Load after"], ["---", "---", "---", "---:", "---:"]]
    for name, part in found["parts"].items():
        loads = ["not known" if part[when] is None else f"{part[when]:.1f}" for when in ("load_before", "load_after")]
        lines.append([name, part["time"][:10], f"`{_name_commit(part['commit'] or 'unknown')}`", *loads])
    return table(lines)


def _say(found: dict, name: str, unit: str = "", digits: int = 3) -> str:
    return ABSENT if found.get(name) is None else f"{found[name]:.{digits}g}{unit}"


def growths(found: dict) -> str:
    """A row a chapter: the exponents with which its seconds and its added memory grow, against each size alone."""
    if "growth" not in found:
        return 'Not measured yet: `make bench ARGS="--only growth"` does that, in about half an hour.'
    sizes = _list_sizes(found)
    grown = (
        f"Seconds and memory of all that a chapter measures, against one size at a time: {sizes['images']} images "
        f"(those for probes and receptive fields in proportion), transformers of {sizes['depth']} blocks, images of "
        f"{sizes['side']} pixels a side. Memory is what is added to what the process holds when it begins to measure. "
        "The table has the exponents *e* of the best fit of *c · sizeᵉ*: 1 is growth in proportion, 0 none."
    )
    lines = [["Chapter", *(f"{what}, {name}" for what in ("Seconds", "Memory") for name in AXES.values())]]
    lines.append(["---", *["---:"] * (len(lines[0]) - 1)])
    for chapter, axes in found["growth"].items():
        exponents = [axes[axis]["exponents"][what] for what in ("seconds", "mib") for axis in AXES]
        lines.append([chapter, *(f"{exponent:.2f}" for exponent in exponents)])
    return f"{grown}\n\n{table(lines)}"


def _list_sizes(found: dict) -> dict[str, str]:
    """What grew → its sizes, in words; the same for all chapters."""
    first = next(iter(found["growth"].values()))
    said = {axis: [f"{run[axis]}" for run in first[axis]["runs"]] for axis in AXES}
    return {axis: f"{', '.join(sizes[:-1])} and {sizes[-1]}" for axis, sizes in said.items()}


def chapters(found: dict) -> str:
    """Seconds of every chapter's measuring at its defaults."""
    if "chapter_seconds" not in found:
        return "This run left them out."
    lines = [["Chapter", "Seconds"], ["---", "---:"]]
    return table(lines + [[name, f"{seconds:.0f}"] for name, seconds in found["chapter_seconds"].items()])


def profiled(found: dict) -> str:
    """The operators that take longest in the uniformity chapter, as shares of its time."""
    profile = found["profile"]
    lines = [["Operator", "Calls", "Share of the time"], ["---", "---:", "---:"]]
    lines += [[f"`{row['operator']}`", f"{row['calls']:,}", f"{row['share']:.1%}"] for row in profile["rows"]]
    lines.append(["other operators", "", f"{profile['other_operators']:.1%}"])
    lines.append(["outside operators, for the most part Python", "", f"{profile['outside_operators']:.1%}"])
    return table(lines)


def phrases(found: dict) -> dict[str, str]:
    """Every number that prose may cite, by name."""
    machine, case = found["machine"], found["case"]
    memory = f", {machine['memory_gib']:.0f} GiB" if machine["memory_gib"] else ""
    said = {
        "bench_machine": f"{machine['processor']}, {machine['cores']} cores{memory}, torch {machine['torch']}",
        "bench_threads": str(machine["threads"]),
        "bench_models": " and ".join(case["models"].values()),
        "bench_images": f"{case['images']:,} {case['pictures']}",
        "bench_batch": str(case["batch"]),
        "bench_most": f"{found['by_images'][-1]['images']:,}",
        "bench_profiled": str(found["profile"]["images"]),
        "bench_missed": _count_missed(found),
    }
    said |= {name: _tell(found[name]) if name in found else ABSENT for name in (*MEANINGS, *OTHERS)}
    said |= {f"peer_limit_{name}": _tell(each["peer_over_forward"]) for name, each in found["peer"].items()}
    said |= {f"bar_{name}": _tell(bar) for name, (_, bar) in found["bars"].items()}
    met = found["peer_over_ours_set_all"] >= found["bars"]["peer_over_ours_all"][1]
    return said | {"set_all_met": "met" if met else "not met"}


def _name_commit(name: str) -> str:
    return name[:7] + (" with changes that were not committed" if name.endswith("+") else "")


def _count_missed(found: dict) -> str:
    missed = [name for name, (way, bar) in found["bars"].items() if (found[name] <= bar) != (way == "at most")]
    of = f"{len(missed)} of the" if missed else "all"
    return f"{of} {len(found['bars'])} bars that the project set itself are {'missed' if missed else 'met'}"


def _tell(number: float) -> str:
    """Three digits that matter, without an exponent where there is room."""
    told = f"{number:.1e}" if 0 < abs(number) < 1e-3 else f"{number:.3g}"
    return told.replace("-", "−", 1) if number < 0 else told
