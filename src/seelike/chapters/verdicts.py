"""What chapters found, and the one rule that judges it.

A claim says on which side of a threshold its effect lies:

- *holds*: the whole 95 % interval lies on the claimed side;
- *fails*: the whole interval lies on the other side;
- *open*: the interval contains the threshold, or there is none.

The random-weights control is judged by the same rule. Where it holds too, the finding needs no training:
the architecture alone makes it.
"""

import math
from typing import Protocol

from seelike.measures.intervals import Estimate, combine
from seelike.results.claims import CLAIMS, Claim
from seelike.results.labelled_array import Measures


class Measured(Protocol):
    """What a chapter found on one set of models."""

    def arrays(self) -> Measures:
        """Measure → model (or pair) → labelled array."""

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect, with an interval over images drawn with `seed`."""


def gather(runs: list[Measured], seed: int) -> dict[str, list[Estimate]]:
    """Claim id → its estimate in every run."""
    found: dict[str, list[Estimate]] = {}
    for run in runs:
        for claim, estimate in run.estimates(seed).items():
            found.setdefault(claim, []).append(estimate)
    return found


def weigh(claim: str, runs: list[Estimate], untrained: list[Estimate]) -> dict:
    """The entry of a claim in a result file, from its estimates in every run, trained and untrained."""
    trained, control = (combine(estimates).within(*CLAIMS[claim].bounds) for estimates in (runs, untrained))
    return {
        "runs": len(runs),
        "effect": _known(trained.effect),
        "interval": [_known(trained.low), _known(trained.high)],
        "control": _known(control.effect),
        "control_interval": [_known(control.low), _known(control.high)],
        "verdict": judge(CLAIMS[claim], trained),
        "control_verdict": judge(CLAIMS[claim], control),
    }


def judge(claim: Claim, estimate: Estimate) -> str:
    """The verdict, one of `VERDICTS`."""
    low, high = (estimate.low, estimate.high) if claim.above else (-estimate.high, -estimate.low)
    threshold = claim.threshold if claim.above else -claim.threshold
    if math.isnan(low) or low <= threshold <= high:
        return "open"
    return "holds" if low > threshold else "fails"


def _known(number: float) -> float | None:
    """A number, or None where it is not defined, as in a result file."""
    return number if math.isfinite(number) else None
