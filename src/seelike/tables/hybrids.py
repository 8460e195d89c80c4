"""Where systems stand between a ViT and a CNN, in words and numbers."""

from collections.abc import Iterable, Mapping

import numpy as np

from seelike.measures.between import NOT_SHOWN, SIDES, name_side
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import NO_BREAK, join, signed, table
from seelike.tables.provenance import literal

TRAITS = {  # as a table and a figure call them
    "alike": "CKA at equal depth",
    "uniform": "CKA, low with high blocks",
    "staged": "steps between stages",
    "skips": "skip against branch",
    "local": "tokens keep their place",
    "early": "class told early",
}
PARTS = (*TRAITS.values(), "attention distance")  # what may be unmeasured, in the order of its numbers
NO_SCALE, NOT_MEASURED = "the ends do not differ", "not measured"
UNKNOWN = "–"
SYSTEMS = {"vtcc_pocket": "VTCC", "hlg_pocket": "HLG", "duoformer_pocket": "DuoFormer"}  # how names start → the system
OUTER = 2  # blocks at either end, as in the chapter on attention distance


def find_system(role: str) -> str:
    """What its paper calls a bundled system; "" for any other."""
    return next((name for start, name in SYSTEMS.items() if role.startswith(f"{start}_")), "")


def find_sides(measures: Measures, system: str, random: str = "") -> dict[str, str]:
    """Trait → what is said of a system's place: a side, `NO_SCALE`, or `NOT_MEASURED`.

    Args:
        random: "_random" for the same with random weights.
    """
    missing = find_unmeasured(measures, system, random)
    places = measures[f"place{random}"][system]
    return {
        trait: NOT_MEASURED if TRAITS[trait] in missing else NO_SCALE if np.isnan(place) else name_side(low, high)
        for trait, (place, low, high) in zip(places.axes["trait"], places.values, strict=True)
    }


def find_unmeasured(measures: Measures, system: str, random: str = "") -> dict[str, str]:
    """What is not measured of a system, of `PARTS` → why."""
    said = measures.get(f"unmeasured{random}", {}).get(system)
    return {PARTS[int(n)]: why for why, n in zip(said.axes["reason"], said.values, strict=True)} if said else {}


def answer(measures: Measures) -> str:
    """A line for each system: which traits it shares with which end, trained and untrained."""
    lines = [f"- {_call(system)} {_count(find_sides(measures, system))}" for system in measures["place"]]
    many = f"Of {len(TRAITS)} {{ref}}`traits <hybrids-traits>` by which this book compares a ViT and a CNN:"
    return "\n".join([f"**The answer.** {many}", "", *lines])


def _call(system: str) -> str:
    """`HLG (hlg_pocket_56.dense_shapes)`; of what is not bundled the name alone."""
    name = find_system(system)
    return f"{name} ({literal(system)})" if name else literal(system)


def name_systems(roles: Iterable[str]) -> dict[str, str]:
    """Role → what its paper calls it, else its architecture; the whole where two share that."""
    short = {role: find_system(role) or role.partition("=")[0].partition(".")[0] for role in roles}
    names = {role: name if list(short.values()).count(name) == 1 else role for role, name in short.items()}
    return {role: f"{name}, random weights" if role.endswith("=random") else name for role, name in names.items()}


def _count(sides: Mapping[str, str]) -> str:
    """`is like the ViT in A and B; nearer to neither in C; not measured in D`."""
    order = (*SIDES, NOT_SHOWN, NO_SCALE, NOT_MEASURED)
    found = {side: [f"*{TRAITS[trait]}*" for trait, own in sides.items() if own == side] for side in order}
    said = [f"**{side}** in {join(traits)}" for side, traits in found.items() if traits]
    return f"is {'; '.join(said)}."


def standing(measures: Measures) -> str:
    """A row for each system and trait: the number of both ends and of the system, its place, what is said of it."""
    lines = [["System", "Trait", "It is", "Place", "ViT", "CNN", "the system", "Untrained"], ["---"] * 8]
    names = name_systems(measures["place"])
    for system, places in measures["place"].items():
        sides, untrained = (find_sides(measures, system, random) for random in ("", "_random"))
        scores = measures["score"][system].values
        for row, (trait, place) in enumerate(zip(places.axes["trait"], places.values, strict=True)):
            numbers = (tell(score) for score in scores[:, row])
            said = [f"**{sides[trait]}**", tell(place)]
            lines.append([names[system], TRAITS[trait], *said, *numbers, untrained[trait]])
    return table(lines)


def equal_depth(measures: Measures) -> str:
    """CKA of each system with both ends at equal depth, trained and with random weights."""
    heads = ["CKA at equal depth", "with the ViT", "with the CNN", "untrained, with the ViT", "untrained, with the CNN"]
    lines = [heads, ["---", *["---:"] * 4]]
    for system, name in name_systems(measures["equal_depth_cka"]).items():
        found = (measures[f"equal_depth_cka{random}"][system].values for random in ("", "_random"))
        lines.append([name, *(tell(estimate) for ends in found for estimate in ends)])
    return table(lines)


def tell(estimate: np.ndarray) -> str:
    """`0.42 [0.40, 0.44]`, which may be broken before the interval."""
    value, low, high = estimate
    if np.isnan(value):
        return UNKNOWN
    return signed(value) if np.isnan(low) else f"{signed(value)} [{signed(low)},{NO_BREAK}{signed(high)}]"


def unmeasured(measures: Measures) -> str:
    """What was left out, a line each: of which system what, and the sentence that says why."""
    lines = [
        f"- {name}, **{part}**: {why.replace(f'{system} must ', 'it would have to ')}."
        for system, name in name_systems(measures["place"]).items()
        for part, why in find_unmeasured(measures, system).items()
    ]
    return "\n".join(lines) or "Every trait was measured of every system."


def attention(measures: Measures) -> str:
    """Of the ViT and each system whose attention can be read, how far its heads look, first blocks and last."""
    lines = [["Model", "first two blocks", "last two blocks"], ["---", "---:", "---:"]]
    found = measures.get("attention_distance", {})
    names = name_systems(role for role in found if role != "vit") | {"vit": "ViT"}
    for role, array in found.items():
        shares = array.values / array.uniform
        ends = (f"{signed(part.min())} to {signed(part.max())}" for part in (shares[:OUTER], shares[-OUTER:]))
        lines.append([names[role], *ends])
    return table(lines)


def phrases(measures: Measures) -> dict[str, str]:
    """What prose may cite: CKA of both ends at equal depth, and where other trainings of theirs stand."""
    ends = next(iter(measures["score"].values()), None)
    found = {} if ends is None else {"alike_ends": signed(1 - _find(ends, "vit", "alike"))}
    for role in ("vit", "cnn"):
        twin = measures.get("twin_place", {}).get(role)
        found[f"twin_place_{role}"] = UNKNOWN if twin is None else signed(twin.values[0])
    return found


def _find(scores: LabelledArray, model: str, trait: str) -> float:
    return scores.values[scores.axes["model"].index(model), scores.axes["trait"].index(trait), 0]
