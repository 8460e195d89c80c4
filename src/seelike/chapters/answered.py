"""Accuracies of trainings of which the answers to test images are shipped, a digit each in a card, perhaps no weights.

All models of a family are asked of the same test images, so that their differences have intervals over images.
"""

import re
from collections.abc import Mapping

import numpy as np

from seelike.measures.intervals import Terms, jackknife
from seelike.results.answers import read_digits

N_DRAWS = 40  # groups of images, each of which is left out in turn


def find_accuracies(cards: Mapping[str, dict], name: str) -> np.ndarray | None:
    """(trainings, N_DRAWS + 1): replicates of the accuracy of a model and of its twins, from their answers.

    Args:
        cards: model → card, as `bundled.read_manifest` gives them.
        name: of the model; twins are called likewise and `_seed1`, `_seed2` and so on.

    None unless every training that has a card has answers.
    """
    twins = [card for known, card in sorted(cards.items()) if re.fullmatch(rf"{re.escape(name)}(_seed\d+)?", known)]
    if not twins or not all("answers" in card for card in twins):
        return None
    return np.array([_replicate(read_digits(card["answers"]) == read_digits(card["classes"])) for card in twins])


def compare(accuracies: Mapping[str, np.ndarray | None], signs: Mapping[str, int]) -> Terms | None:
    """The terms of a sum of accuracies with their signs, a term each; None where one of them is not known."""
    if any(accuracies.get(name) is None for name in signs):
        return None
    return {(name,): sign * accuracies[name] for name, sign in signs.items()}


def _replicate(right: np.ndarray) -> np.ndarray:
    groups = np.array_split(right, N_DRAWS)
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    return jackknife(N_DRAWS, lambda chosen: sums[chosen].sum() / sizes[chosen].sum())
