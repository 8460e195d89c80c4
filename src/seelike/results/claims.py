"""Every claim of the paper: what it says, the number it is judged by, and the one rule that judges.

An effect is computed from results alone. A claim says on which side of a threshold its effect lies:

- *holds*: the whole 95 % interval lies on the claimed side;
- *fails*: the whole interval lies on the other side;
- *open*: the interval contains the threshold, or there is none.

The random-weights control is judged by the same rule. Where it holds too, the finding needs no training:
the architecture alone makes it.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from seelike.measures.intervals import Estimate


@dataclass(frozen=True)
class Claim:
    """`text` is the paper's claim in our words; it says that the effect is above (or below) `threshold`."""

    id: str
    chapter: str
    figures: str
    text: str
    effect: str
    threshold: float
    above: bool
    learned: bool
    paper: str
    bounds: tuple[float, float] = (-math.inf, math.inf)  # between which the effect must lie


CLAIMS = {
    id: Claim(id, **claim)
    for id, claim in yaml.safe_load(Path(__file__).with_name("claims.yaml").read_text(encoding="utf-8")).items()
}

VERDICTS = ("holds", "fails", "open")


def judge(claim: Claim, estimate: Estimate) -> str:
    """The verdict, one of `VERDICTS`."""
    low, high = (estimate.low, estimate.high) if claim.above else (-estimate.high, -estimate.low)
    threshold = claim.threshold if claim.above else -claim.threshold
    if math.isnan(low) or low <= threshold <= high:
        return "open"
    return "holds" if low > threshold else "fails"
