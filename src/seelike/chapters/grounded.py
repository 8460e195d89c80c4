"""W6: what models that learned from grounded drawings keep of their accuracy with foreground or background alone.

In these drawings a hue of the ground says something of the class, so that there is something to see in it. What the
models answer is told by their cards, for all trainings.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seelike.chapters.answered import N_DRAWS, find_twins, name_bundled
from seelike.chapters.run import MODELS
from seelike.images.other_cues import Grounded
from seelike.measures.intervals import Terms
from seelike.measures.kept import INTACT, Condition, Kept
from seelike.measures.object_parts import CLAIMED, PARTS
from seelike.models import bundled
from seelike.results.answers import read_digits
from seelike.results.labelled_array import LabelledArray, Measures

TAG = "_grounded"


def find_parts(parameters: Mapping[str, str], trained: bool = True) -> dict[str, list[Kept]]:
    """Role → every training of its bundled model on grounded drawings; none of a role that
    `name_bundled` leaves out.

    Before training the same have nothing to keep.
    """
    cards, found = bundled.read_manifest(), {}
    for role, own in name_bundled(parameters).items():
        twins = find_twins(cards, own + TAG)
        if twins and all("asked" in card for card in twins):
            nothing = [Kept.nothing(PARTS.values(), N_DRAWS)] * len(twins)
            found[role] = [read_kept(card) for card in twins] if trained else nothing
    return found


def read_kept(card: dict) -> Kept:
    """Accuracy in every condition by group of test images, from the digits of a card."""
    classes = read_digits(card["classes"])
    given = {INTACT: card["answers"]} | {each: card["asked"][name] for name, each in PARTS.items()}
    right = {condition: read_digits(digits) == classes for condition, digits in given.items()}
    means = {c: np.array([draw.mean() for draw in np.array_split(each, N_DRAWS)]) for c, each in right.items()}
    return Kept(means, 1 / len(Grounded.classes))


def arrays(parts: Mapping[str, list[Kept]]) -> Measures:
    """Of every training the share that is kept, by what is shown, and the accuracy on whole drawings."""
    known = {role: own for role, own in parts.items() if all(each.is_known for each in own)}
    whole = {role: [each.accuracy[INTACT].mean() for each in own] for role, own in known.items()}
    return {
        "kept_parts": {role: label_parts(own) for role, own in known.items()},
        "grounded_accuracy": {role: LabelledArray({"training": _number(own)}, own) for role, own in whole.items()},
    }


def label_parts(trainings: Sequence[Kept]) -> LabelledArray:
    """(trainings, what is shown): the share of accuracy that is kept."""
    shares = [[each.share(condition)[0] for condition in PARTS.values()] for each in trainings]
    return LabelledArray({"training": _number(trainings), "shown": PARTS}, shares)


def _number(trainings: Sequence) -> range:
    return range(1, 1 + len(trainings))


def terms(parts: Mapping[str, list[Kept]]) -> dict[str, Terms]:
    """W6, over groups of test images and trainings."""
    if parts.keys() != set(MODELS):
        return {}
    signs = dict(zip(MODELS, (1, -1), strict=True))
    return {
        part: {(f"{r}{TAG}",): sign * _share(parts[r], each) for r, sign in signs.items()}
        for part, each in CLAIMED.items()
    }


def _share(trainings: list[Kept], condition: Condition) -> np.ndarray:
    """(trainings, draws + 1)."""
    return np.array([each.share(condition) for each in trainings])
