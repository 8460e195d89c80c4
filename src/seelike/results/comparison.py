"""Two results of one chapter side by side: their claims, and how far their measures differ."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seelike.results.claims import INTERVALS, PARTS
from seelike.results.results import Result
from seelike.system.errors import InputError

JUDGED = ("verdict", "control_verdict", "covers")


@dataclass(frozen=True)
class Comparison:
    """`differences` maps each part of a claim (effect, control, their difference, all intervals) and each array that
    both results hold alike to the largest difference, relative where numbers are beyond 1, inf where only one is
    defined; `apart` names what only one holds, or what is of other layers; `verdicts` the parts that the two judge
    differently, or from an interval that covers something else."""

    differences: dict[str, float]
    apart: tuple[str, ...]
    verdicts: tuple[str, ...] = ()

    def agree(self, tolerance: float) -> bool:
        """Whether both hold the same, judge it the same, and nothing differs by more."""
        beyond = (difference > tolerance for difference in self.differences.values())
        return not (self.apart or self.verdicts or any(beyond))


def compare(one: Result, other: Result) -> Comparison:
    """How far two results differ. Raises InputError if they are of different chapters."""
    if one.chapter != other.chapter:
        raise InputError(f"RESULT must be two results of one chapter, not of {one.chapter} and {other.chapter}")
    arrays = [
        {f"{measure}.{model}": array for measure, models in result.measures.items() for model, array in models.items()}
        for result in (one, other)
    ]
    differences, apart = {}, []
    for name in dict.fromkeys([*arrays[0], *arrays[1]]):
        mine, theirs = (known.get(name) for known in arrays)
        if mine is None or theirs is None or mine.axes != theirs.axes:
            apart.append(name)
        else:
            differences[name] = largest_difference(mine.values, theirs.values)
    parts, judged = [read_parts(result) for result in (one, other)], []
    for id in dict.fromkeys([*parts[0], *parts[1]]):
        mine, theirs = (known.get(id) for known in parts)
        if mine is None or theirs is None:
            apart.append(id)
            continue
        differences[id] = largest_difference(_numbers(mine), _numbers(theirs))
        judged += [id] if any(mine[kind] != theirs[kind] for kind in JUDGED) else []
    return Comparison(differences, tuple(apart), tuple(judged))


def read_parts(result: Result) -> dict[str, dict]:
    """Part of a claim → its entry, with what the claim's intervals cover."""
    claims = result.claims.values()
    return {id: part | {"covers": claim["covers"]} for claim in claims for id, part in claim["parts"].items()}


def name_apart(one: Path, other: Path) -> tuple[str, str]:
    """What to call two result files: the last parts of their paths in which they differ."""
    for depth in range(1, max(len(one.parts), len(other.parts)) + 1):
        names = tuple("/".join(path.with_suffix("").parts[-depth:]) for path in (one, other))
        if names[0] != names[1]:
            return tuple(name.removesuffix(f"/{one.stem}") for name in names) if depth > 1 else names
    return str(one), f"{other} (again)"


def report(one: Result, other: Result, labels: tuple[str, str], found: Comparison) -> str:
    """The comparison as text, one line a part of a claim, then one a measure."""
    lines, parts = [("claim", *labels, "difference")], [read_parts(result) for result in (one, other)]
    for id in dict.fromkeys([*parts[0], *parts[1]]):
        lines.append((id, *(_tell(known.get(id)) for known in parts), _difference(id, found)))
    arrays = [name for name in (*found.differences, *found.apart) if name not in PARTS]
    measures = [("largest difference by measure", ""), *((name, _difference(name, found)) for name in arrays)]
    head = [f"{one.chapter}", *(f"  {label}: {_models(r)}" for label, r in zip(labels, (one, other), strict=True))]
    return "\n".join([*head, "", *align(lines), "", *align(measures)])


def align(lines: list[tuple[str, ...]]) -> list[str]:
    """Lines of equally many cells, as text in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)
    return [row.rstrip() for row in rows]


def _models(result: Result) -> str:
    models = result.provenance.get("models", {})
    return ", ".join(f"{role} {each['name']}" for role, each in models.items() if role in ("vit", "cnn", "mixer"))


def _tell(part: dict | None) -> str:
    if part is None:
        return "not measured"
    if part["effect"] is None:
        return f"not defined, {part['verdict']}"
    low, high = part["interval"]
    interval = f" [{low:.3f}, {high:.3f}] over {part['covers']}" if low is not None else ""
    return f"{part['effect']:.3f}{interval}: {part['verdict']}"


def _difference(name: str, found: Comparison) -> str:
    return f"{found.differences[name]:.2e}" if name in found.differences else "not in both alike"


def _numbers(part: dict) -> np.ndarray:
    numbers = [number for kind in INTERVALS for number in (part[kind], *part[INTERVALS[kind]])]
    return np.array(numbers, dtype=float)


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest of two arrays' differences, relative where numbers are beyond 1, inf where only one is defined."""
    size = np.fmax(1, np.fmax(np.abs(one), np.abs(other)))
    difference = np.where(np.isnan(one) & np.isnan(other), 0, np.abs(one - other) / size)
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0))
