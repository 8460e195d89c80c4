"""Two results of one chapter side by side: their claims, and how far their measures differ."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seelike.claims import CLAIMS
from seelike.errors import InputError
from seelike.results import Result


@dataclass(frozen=True)
class Comparison:
    """`differences` maps each claim's effect and each array that both results hold alike to the largest absolute
    difference, inf where only one is defined; `apart` names what only one holds, or what is of other layers."""

    differences: dict[str, float]
    apart: tuple[str, ...]

    def agree(self, tolerance: float) -> bool:
        """Whether both hold the same and nothing differs by more."""
        return not self.apart and all(difference <= tolerance for difference in self.differences.values())


def compare(one: Result, other: Result) -> Comparison:
    """How far two results differ. Raises InputError if they are of different chapters."""
    if one.chapter != other.chapter:
        raise InputError(f"RESULT must be two results of one chapter, not of {one.chapter} and {other.chapter}")
    entries = [
        {f"{measure}.{model}": entry for measure, models in result.measures.items() for model, entry in models.items()}
        for result in (one, other)
    ]
    differences, apart = {}, []
    for name in dict.fromkeys([*entries[0], *entries[1]]):
        mine, theirs = (known.get(name) for known in entries)
        if mine is None or theirs is None or mine["axes"] != theirs["axes"]:
            apart.append(name)
        else:
            differences[name] = _largest_difference(mine["values"], theirs["values"])
    for claim in dict.fromkeys([*one.claims, *other.claims]):
        if claim not in one.claims or claim not in other.claims:
            apart.append(claim)
        else:
            effects = (np.array([result.claims[claim]["effect"]], dtype=float) for result in (one, other))
            differences[claim] = _largest_difference(*effects)
    return Comparison(differences, tuple(apart))


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
    measures = [("largest absolute difference by measure", ""), *((name, _difference(name, found)) for name in arrays)]
    head = [f"{one.chapter}", *(f"  {label}: {_models(r)}" for label, r in zip(labels, (one, other), strict=True))]
    return "\n".join([*head, "", *_align(lines), "", *_align(measures)])


def plot(results: dict[str, Result], picture: Path) -> None:
    """Draw every claim's effect, interval and control of both results. Raises InputError if they have no claims."""
    from seelike import plots

    if not all(result.claims for result in results.values()):
        raise InputError(f"--plot draws claims, and {next(iter(results.values())).chapter} has none")
    plots.use_style()
    plots.save(plots.effects(results)[0].figure, picture)


def _align(lines: list[tuple[str, ...]]) -> list[str]:
    """Lines of equally many cells, in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)
    return [row.rstrip() for row in rows]


def _models(result: Result) -> str:
    models = result.provenance.get("models", {})
    return ", ".join(f"{which} {each['name']}" for which, each in models.items() if which in ("vit", "cnn", "mixer"))


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


def _largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    difference = np.where(np.isnan(one) & np.isnan(other), 0, np.abs(one - other))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0))
