"""How far two folders of results lie apart, chapter by chapter: the book as published, and as just built."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seelike.results import comparison, robustness
from seelike.results.results import Result, list_results
from seelike.system.errors import InputError

# Differences beyond it count: one in the last digit that the book prints. Rounding on another processor stays several
# times below, even in intervals and in what hangs on a maximum, such as a probe's penalty or a best match.
TOLERANCE = 0.01
MOST_NAMED = 6


@dataclass(frozen=True)
class Drift:
    """How far one chapter's results lie apart: `largest`, inf where only one is defined, lies in the part or measure
    `where`; `faults` says what counts as a difference, and `reasons` what may have made it."""

    chapter: str
    largest: float
    where: str
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        return not self.faults


def measure_drift(published: Path, fresh: Path, tolerance: float = TOLERANCE) -> list[Drift]:
    """One entry a chapter of the folder `published`; each must be in `fresh`, too. One of robustness, if both have it.

    Raises InputError if either is no folder, or `published` holds no results.
    """
    for folder in (published, fresh):
        if not folder.is_dir():
            raise InputError(f"RESULT must be two result files or two folders of them, and {folder} is no folder")
    files = list_results(published)
    if not files:
        raise InputError(f"RESULT must be folders of result files such as results/pocket, and {published} holds none")
    drifts = [_drift_of(file, fresh / file.name, tolerance) for file in files]
    both = [folder / f"{robustness.NAME}.json" for folder in (published, fresh)]
    return [*drifts, *([_drift_of_universes(*both, tolerance)] if all(file.is_file() for file in both) else [])]


def report(drifts: list[Drift], tolerance: float) -> str:
    """One line a chapter, then what differs."""
    lines = [("chapter", "largest difference", "in", "")]
    for drift in drifts:
        lines.append((drift.chapter, f"{drift.largest:.1e}", drift.where, "" if drift.agrees else "differs"))
    differing = [drift for drift in drifts if not drift.agrees]
    said = [line for drift in differing for line in (drift.chapter, *_explain(drift), "")]
    verdict = f"{len(differing)} of {len(drifts)} chapters differ" if differing else f"all {len(drifts)} chapters agree"
    return "\n".join([*comparison.align(lines), "", *said, f"{verdict}; the tolerance is {tolerance:g}"])


def _explain(drift: Drift) -> list[str]:
    made_with = [f"made with {'; '.join(drift.reasons)}"] if drift.reasons else []
    return [f"  {line}" for line in (*drift.faults, *made_with)]


def _drift_of(published: Path, fresh: Path, tolerance: float) -> Drift:
    one = Result.load(published)
    if not fresh.is_file():
        return Drift(published.stem, math.inf, "", (f"{fresh} is missing",))
    other = Result.load(fresh)
    found = comparison.compare(one, other)
    faults = [f"{name} differs by {size:.2g}" for name, size in found.differences.items() if not size <= tolerance]
    parts = [comparison.read_parts(result) for result in (one, other)]
    faults += [f"{id}: {_judged(parts[0][id])}; now {_judged(parts[1][id])}" for id in found.verdicts]
    if found.apart:
        faults.append(f"not in both alike: {_name(found.apart)}")
    where = max(found.differences, key=found.differences.get, default="")
    largest, where = (math.inf, found.apart[0]) if found.apart else (found.differences.get(where, 0.0), where)
    return Drift(published.stem, largest, where if largest else "", tuple(faults), tuple(_find_reasons(one, other)))


def _drift_of_universes(published: Path, fresh: Path, tolerance: float) -> Drift:
    """The same of the claims in all their universes: of the shares that agree, and of all numbers."""
    one, other = (robustness.read(file) for file in (published, fresh))
    both = [claim for claim in one if claim in other and _list_universes(one[claim]) == _list_universes(other[claim])]
    apart = [claim for claim in dict.fromkeys([*one, *other]) if claim not in both]
    sizes = {claim: _compare_universes(one[claim], other[claim]) for claim in both}
    faults = [f"{claim} differs by {size:.2g}" for claim, size in sizes.items() if not size <= tolerance]
    turned = [claim for claim in both if one[claim].verdict != other[claim].verdict]
    faults += [f"{claim}: {one[claim].verdict}; now {other[claim].verdict}" for claim in turned]
    faults += [f"not in both alike: {_name(apart)}"] if apart else []
    where = max(sizes, key=sizes.get, default="")
    largest, where = (math.inf, apart[0]) if apart else (sizes.get(where, 0.0), where)
    return Drift(robustness.NAME, largest, where if largest else "", tuple(faults))


def _list_universes(robust: robustness.Robust) -> list:
    return [robust.published, *(each.choices for each in robust.outcomes)]


def _compare_universes(one: robustness.Robust, other: robustness.Robust) -> float:
    """The largest difference of two claims of the same universes."""
    numbers = [
        np.array([values[:3] for each in of.outcomes for values in each.parts.values()], dtype=float)
        for of in (one, other)
    ]
    shares = [np.array(each.agree / each.combinations) for each in (one, other)]
    return max(comparison.largest_difference(*numbers), comparison.largest_difference(*shares))


def _judged(part: dict) -> str:
    return f"{part['verdict']} over {part['covers']} (untrained {part['control_verdict']})"


def _find_reasons(one: Result, other: Result) -> list[str]:
    """What differs in parameters, libraries, weights and images, in a phrase each."""
    libraries = (result.provenance["libraries"] for result in (one, other))
    weights = ({k: v["state_sha256"] for k, v in result.provenance["models"].items()} for result in (one, other))
    images = ({k: v for k, v in r.provenance.items() if k.endswith("dataset")} for r in (one, other))
    changed = [*_differing(one.parameters, other.parameters), *_differing(*libraries)]
    said = [f"{name} {before!r}, now {after!r}" for name, before, after in changed]
    others = {"weights": _differing(*weights), "images": _differing(*images)}
    return said + [f"other {what} ({_name([each[0] for each in them])})" for what, them in others.items() if them]


def _name(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _differing(one: dict, other: dict) -> list[tuple]:
    names = dict.fromkeys([*one, *other])
    return [(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]
