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

from seelike.intervals import Estimate


@dataclass(frozen=True)
class Claim:
    """`text` is the paper's claim in our words; it says that the effect is above (or below) `threshold`."""

    id: str
    figures: str
    text: str
    effect: str
    threshold: float
    above: bool


CLAIMS = {
    claim.id: claim
    for claim in (
        Claim(
            "U1",
            "1, B.1",
            "Lower and higher layers are far more similar in a ViT than in a ResNet.",
            "mean CKA of the lowest with the highest third of layers, ViT − ResNet",
            0.0,
            above=True,
        ),
        Claim(
            "U2",
            "1",
            "A ResNet's similarity falls into stages; a ViT's is one uniform grid.",
            "mean CKA inside stages − between stages, ResNet − ViT",
            0.0,
            above=True,
        ),
        Claim(
            "U3",
            "2, B.1",
            "Many lower ResNet layers match few of the lowest ViT layers.",
            "depth of the ViT layer that best matches a ResNet layer from the middle (0: first, 1: last)",
            0.35,
            above=False,
        ),
        Claim(
            "U4",
            "2",
            "The highest ViT layers resemble no ResNet layer.",
            "best CKA with any ResNet layer, highest − lowest third of ViT layers",
            0.0,
            above=False,
        ),
        Claim(
            "A1",
            "3, C.6",
            "The lowest blocks hold local heads beside global ones; the highest blocks' heads are all global.",
            "distance of the most local head, last two − first two blocks (1: a head that attends evenly)",
            0.0,
            above=True,
        ),
        Claim(
            "A2",
            "4, C.5",
            "With too little training data the lowest blocks do not learn local heads.",
            "distance of the most local head of the first two blocks, little − all data",
            0.0,
            above=True,
        ),
        Claim(
            "A3",
            "5",
            "The more local a subset of first-block heads, the more it resembles low ResNet layers.",
            "Spearman's ρ of a subset's attention distance and its CKA with low ResNet layers",
            0.0,
            above=False,
        ),
        Claim(
            "A4",
            "6, C.1–C.3",
            "Receptive fields start larger in a ViT than in a ResNet.",
            "effective radius in the lowest third of blocks, ViT − ResNet (1: a field as even as can be)",
            0.0,
            above=True,
        ),
        Claim(
            "A5",
            "6, C.4",
            "A ViT's receptive field is centred on its own patch after the residual sum, much less before it.",
            "share of the receptive field on the own patch, residual sum − attention branch",
            0.0,
            above=True,
        ),
    )
}


VERDICTS = ("holds", "fails", "open")


def judge(claim: Claim, estimate: Estimate) -> str:
    """The verdict, one of `VERDICTS`."""
    low, high = (estimate.low, estimate.high) if claim.above else (-estimate.high, -estimate.low)
    threshold = claim.threshold if claim.above else -claim.threshold
    if math.isnan(low) or low <= threshold <= high:
        return "open"
    return "holds" if low > threshold else "fails"
