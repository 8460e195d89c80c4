"""Two results of one chapter side by side: their claims, and how far their measures differ."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.system.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """`differences` maps each claim (effect, control and their intervals) and each array that both results hold alike
    to the largest difference, relative where numbers are beyond 1, inf where only one is defined; `apart` names what
    only one holds, or what is of other layers; `verdicts` the claims that the two judge differently."""

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
            differences[name] = _largest_difference(mine.values, theirs.values)
    for claim in dict.fromkeys([*one.claims, *other.claims]):
        if claim not in one.claims or claim not in other.claims:
            apart.append(claim)
        else:
            differences[claim] = _largest_difference(*(_numbers(result.claims[claim]) for result in (one, other)))
    both = one.claims.keys() & other.claims.keys()
    judged = [claim for claim in one.claims if claim in both and _verdicts(one, claim) != _verdicts(other, claim)]
    return Comparison(differences, tuple(apart), tuple(judged))


def name_apart(one: Path, other: Path) -> tuple[str, str]:
    """What to call two result files: the last parts of their paths in which they differ."""
    for depth in range(1, max(len(one.parts), len(other.parts)) + 1):
        names = tuple("/".join(path.with_suffix("").parts[-depth:]) for path in (one, other))
        if names[0] != names[1]:
            return tuple(name.removesuffix(f"/{one.stem}") for name in names) if depth > 1 else names
    return str(one), f"{other} (again)"


def report(one: Result, other: Result, labels: tuple[str, str], found: Comparison) -> str:
    """The comparison as text, one line a claim, then one a measure."""
    lines = [("claim", *labels, "difference")]
    for claim in dict.fromkeys([*one.claims, *other.claims]):
        cells = (_tell(result.claims.get(claim)) for result in (one, other))
        lines.append((claim, *cells, _difference(claim, found)))
    arrays = [name for name in (*found.differences, *found.apart) if name not in CLAIMS]
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


def _tell(claim: dict | None) -> str:
    if claim is None:
        return "not measured"
    if claim["effect"] is None:
        return f"not defined, {claim['verdict']}"
    low, high = claim["interval"]
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    return f"{claim['effect']:.3f}{interval} {claim['verdict']}"


def _difference(name: str, found: Comparison) -> str:
    return f"{found.differences[name]:.2e}" if name in found.differences else "not in both alike"


def _numbers(claim: dict) -> np.ndarray:
    numbers = [claim["effect"], claim["control"], *claim["interval"], *claim["control_interval"]]
    return np.array(numbers, dtype=float)


def _verdicts(result: Result, claim: str) -> tuple[str, str]:
    return result.claims[claim]["verdict"], result.claims[claim]["control_verdict"]


def _largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    size = np.fmax(1, np.fmax(np.abs(one), np.abs(other)))
    difference = np.where(np.isnan(one) & np.isnan(other), 0, np.abs(one - other) / size)
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0))
