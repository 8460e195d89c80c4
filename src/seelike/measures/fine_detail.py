"""How much fine detail does a model need? Ghiasi et al. (2022), Fig. 14: accuracy on images without high frequencies.

The effect is the area under the share of accuracy that is kept, over the cut-off from 0 to 1 (a period of two pixels).
"""

from collections.abc import Sequence
from functools import partial

import torch

from seelike.measures.intervals import Terms
from seelike.measures.kept import SHARE, Condition, Kept
from seelike.measures.perturbations import Change, low_pass
from seelike.results.labelled_array import LabelledArray

LOW_PASS = "low pass"
CUTOFFS = (0.1, 0.3, 0.5, 0.7, 0.9)  # the middles of fifths, so that the mean over them is the area under the curve
CHOSEN = {"all": CUTOFFS, "low": tuple(cutoff for cutoff in CUTOFFS if cutoff < 0.5)}
FILTERED: tuple[Condition, ...] = tuple((LOW_PASS, cutoff) for cutoff in CUTOFFS)


def list_filters() -> dict[Condition, Change]:
    """Condition → change."""
    return {each: partial(_filter, cutoff=each[1]) for each in FILTERED}


def _filter(images: torch.Tensor, _: Sequence[int], cutoff: float) -> torch.Tensor:
    return low_pass(images, cutoff)


def array(kept: Kept) -> LabelledArray:
    """The labelled array for a result file: the share of accuracy kept by cut-off."""
    return kept.array("cut-off", dict(zip(CUTOFFS, FILTERED, strict=True)))


def compare_areas(vit: Kept, cnn: Kept, cutoffs: Sequence[float] = CUTOFFS, way: str = SHARE) -> Terms:
    """W5: the area under the curve, ViT − CNN; or the mean over some cut-offs, kept in another way."""
    filtered = [(LOW_PASS, cutoff) for cutoff in cutoffs]
    return {("vit",): vit.share(*filtered, way=way), ("cnn",): -cnn.share(*filtered, way=way)}
