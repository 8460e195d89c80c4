"""Trainings of which the answers to test images are shipped, a digit each in a card, perhaps no weights.

All models of a family are asked of the same test images, so that their differences have intervals over images.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch

from seelike.chapters.run import MODELS
from seelike.measures.clusters import SCORES, count_pairs
from seelike.measures.intervals import Terms, jackknife, leave_out_each
from seelike.models import bundled
from seelike.results.answers import read_digits

N_DRAWS = 40  # groups of images, each of which is left out in turn
# What is compared, from how many of n answers are right; half an answer keeps logarithms finite. More is better.
SCALES = {
    "points": lambda right, n: right / n,
    "odds": lambda right, n: np.log((right + 0.5) / (n - right + 0.5)),
    "errors": lambda right, n: -np.log((n - right + 0.5) / (n + 1)),
}


def find_twins(cards: Mapping[str, dict], name: str) -> list[dict]:
    """The cards of a model and of its twins, which are called likewise and `_seed1`, `_seed2` and so on.

    Args:
        cards: model → card, as `bundled.read_manifest` gives them.
    """
    return [card for known, card in sorted(cards.items()) if re.fullmatch(rf"{re.escape(name)}(_seed\d+)?", known)]


def name_bundled(parameters: Mapping[str, str]) -> dict[str, str]:
    """Role, `vit` or `cnn` → the whole name of its model, as cards have it, where its weights are its own.

    A role that parameters do not name, as in a rehearsal of given models, is left out, too.
    """
    named = (role for role in MODELS if role in parameters and not parameters[f"{role}_checkpoint"])
    return {role: bundled.complete(parameters[role]) for role in named}


def find_accuracies(
    cards: Mapping[str, dict], name: str, scale: str = "points", n_images: int | None = None
) -> np.ndarray | None:
    """(trainings, N_DRAWS + 1): replicates of the accuracy of a model and of its twins, from their answers.

    None unless every training that has a card has answers.

    Args:
        scale: one of `SCALES`.
        n_images: how many of the test images count, the first; all by default.
    """
    twins = find_twins(cards, name)
    if not twins or not all("answers" in card for card in twins):
        return None
    answered = ((read_digits(card["answers"]), read_digits(card["classes"])) for card in twins)
    return np.array([_replicate((answers == classes)[:n_images], scale) for answers, classes in answered])


def replicate_information(clusters: torch.Tensor, labels: torch.Tensor, score: str = "NMI") -> np.ndarray:
    """(N_DRAWS + 1,): what clusters tell of labels, of all images (n,), then without each group of them.

    Args:
        score: one of `measures.clusters.SCORES`.
    """
    shape = int(clusters.max()) + 1, int(labels.max()) + 1
    groups = zip(clusters.tensor_split(N_DRAWS), labels.tensor_split(N_DRAWS), strict=True)
    counts = [count_pairs(*group, shape) for group in groups]
    return np.array([SCORES[score](each) for each in leave_out_each(counts)])


def compare(replicates: Mapping[str, np.ndarray | None], signs: Mapping[str, int]) -> Terms | None:
    """The terms of a sum with signs, such as of accuracies, a term each; None where one of them is not known."""
    if any(replicates.get(name) is None for name in signs):
        return None
    return {(name,): sign * replicates[name] for name, sign in signs.items()}


def compare_all(
    replicates: Mapping[str, np.ndarray | None], compared: Mapping[str, Mapping[str, int]]
) -> dict[str, Terms]:
    """Part of a claim → its terms, by its signs; those of which something is not known are left out."""
    found = {part: compare(replicates, signs) for part, signs in compared.items()}
    return {part: terms for part, terms in found.items() if terms}


def _replicate(right: np.ndarray, scale: str) -> np.ndarray:
    groups = np.array_split(right, N_DRAWS)
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    return jackknife(N_DRAWS, lambda chosen: SCALES[scale](sums[chosen].sum(), sizes[chosen].sum()))
