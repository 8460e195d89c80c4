"""What the cards of bundled models say of single test images: a digit an image, in the order of the data set."""

from collections.abc import Iterable

import numpy as np


def read_digits(digits: str) -> np.ndarray:
    """The classes (n,) that a card writes as `digits`."""
    return np.array(list(digits), dtype=int)


def write_digits(values: Iterable[int]) -> str:
    """As a card writes classes below 10."""
    return "".join(str(int(value)) for value in values)


def count_answers(card: dict, n_classes: int) -> np.ndarray:
    """How many images of each class (rows) were taken for each (columns): (classes, classes)."""
    counts = np.zeros((n_classes, n_classes), int)
    np.add.at(counts, (read_digits(card["classes"]), read_digits(card["answers"])), 1)
    return counts


def share_errors(one: dict, other: dict) -> tuple[float, float]:
    """Of the images that one model gets wrong, the share that another, too, gets wrong, and answers alike.

    NaN for a model that is never wrong.
    """
    classes, first, second = (read_digits(digits) for digits in (one["classes"], one["answers"], other["answers"]))
    wrong = first != classes
    if not wrong.any():
        return float("nan"), float("nan")
    return float((second != classes)[wrong].mean()), float((second == first)[wrong].mean())
