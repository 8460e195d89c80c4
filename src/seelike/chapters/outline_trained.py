"""Models that learned from drawings whose outline alone tells the class, beside those that learned from ordinary ones.

This is the book's counterpart of training on Stylized ImageNet (Naseer et al. 2021): does the model then go by shape,
does the last attention segment better, and what does it lose on ordinary drawings? No claim rests on it. All is
computed from cards, in which every training has its answers to the same drawings.

Models without texture tell five outlines apart, ordinary ones ten classes, two of each outline. So that both are
judged alike, the answers of both are read as outlines: an answer is *for the shape* if it is the outline drawn, and
*for the texture* if that outline has, in one of its classes, the texture drawn. Outlines at random would have a shape
bias of one third.
"""

from collections.abc import Mapping

import numpy as np

from seelike.chapters.answered import find_twins, name_bundled
from seelike.images.shapes import CLASS_CUES, CONFLICTS, OUTLINES, TEXTURES
from seelike.measures.intervals import MIN_DRAWS
from seelike.measures.shape_bias import Decisions
from seelike.models import bundled
from seelike.results.answers import read_digits
from seelike.results.labelled_array import LabelledArray

# What is compared → the smallest change that counts: as for I4, for I5, and the smallest accuracy that counts.
CHANGES = {"shape bias": 0.1, "Jaccard index": 0.05, "accuracy": 0.05}
LEARNED = {"ordinary drawings": "", "outlines alone": "_untextured"}  # from what, and what the tag says


def find_outline_trained(parameters: Mapping[str, str]) -> dict[str, LabelledArray]:
    """Of bundled models that were trained both ways: role → (learned from, compared, trainings).

    There are none of a role that `name_bundled` leaves out. What a card does not tell, such as the Jaccard index of a
    CNN, is NaN.
    """
    cards = bundled.read_manifest()
    found = {}
    for role, own in name_bundled(parameters).items():
        twins = [find_twins(cards, own + change) for change in LEARNED.values()]
        told = all(each and all("asked" in card for card in each) for each in twins)
        if told:
            n = min(map(len, twins))
            values = [[_describe(card) for card in each[:n]] for each in twins]
            axes = {"learned from": LEARNED, "compared": CHANGES, "training": range(1, n + 1)}
            found[role] = LabelledArray(axes, np.swapaxes(values, 1, 2))
    return found


def _describe(card: dict) -> tuple[float, ...]:
    """Of one training what `CHANGES` lists."""
    conflicts, ordinary = (read_digits(card["asked"][name]) % len(OUTLINES) for name in ("conflicts", "shapes"))
    right = ordinary == np.arange(len(ordinary)) % len(OUTLINES)
    return decide(conflicts).bias()[0], card.get("jaccard", np.nan), right.mean()


def decide(outlines: np.ndarray) -> Decisions:
    """From the outline that each of the first cue conflicts was taken for, (n,)."""
    shapes, textures = CONFLICTS[np.arange(len(outlines)) % len(CONFLICTS)].T
    joined = np.zeros((len(OUTLINES), len(TEXTURES)), bool)
    joined[CLASS_CUES[:, 0], CLASS_CUES[:, 1]] = True
    return Decisions.of(outlines == shapes, joined[outlines, textures], min(2 * MIN_DRAWS, len(outlines)))
