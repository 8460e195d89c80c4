"""The table of what changes if models learn from outlines alone."""

import numpy as np

from seelike.results.labelled_array import LabelledArray
from seelike.tables.markdown import NO_BREAK
from seelike.tables.outline_trained import PUBLISHED, changes

LEAST = {"shape bias": 0.1, "Jaccard index": 0.05, "accuracy": 0.05}
AXES = {"learned from": ["ordinary", "outlines"], "compared": list(LEAST), "training": [1, 2]}


def test_a_change_that_not_all_trainings_share_is_told_so():
    vit = LabelledArray(AXES, [[[0.2, 0.2], [0.3, 0.3], [0.9, 0.9]], [[0.9, 0.9], [0.5, 0.25], [0.8, 0.95]]])
    _, jaccard, accuracy = changes({"vit": vit}, LEAST).replace(NO_BREAK, " ").splitlines()[2:]
    assert "rises in 1 of 2 trainings" in jaccard and "hardly changes |" in accuracy


def test_each_change_is_held_against_the_smallest_that_counts():
    vit = [[[0.2, 0.4], [0.3, 0.3], [0.9, 0.9]], [[0.9, 0.9], [0.34, 0.34], [0.8, 0.8]]]
    cnn = np.array(vit) * [[1], [np.nan], [1]]
    text = changes({"vit": LabelledArray(AXES, vit), "cnn": LabelledArray(AXES, cnn)}, LEAST).replace(NO_BREAK, " ")
    bias, jaccard, accuracy = text.splitlines()[2:]
    assert "| 0.10 | 0.30 → 0.90, rises | 0.30 → 0.90, rises |" in bias
    assert "| 0.05 | 0.30 → 0.34, hardly changes | – |" in jaccard
    assert accuracy.count("0.90 → 0.80, falls") == 2
    assert all(published in row for published, row in zip(PUBLISHED.values(), (bias, jaccard, accuracy), strict=True))
