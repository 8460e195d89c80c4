"""Accuracies in words."""

import math

from seelike.results.accuracies import tell_accuracies
from seelike.results.labelled_array import LabelledArray


def test_an_accuracy_stands_with_its_interval_where_it_has_one():
    models = {"model": ["vit", "vit_noskip_late"]}
    bounds = [[0.821, 0.8694], [math.nan, math.nan]]
    measures = {
        "accuracy": {"vit": LabelledArray(models, [0.845, 1])},
        "accuracy_interval": {"vit": LabelledArray(models | {"bound": ["low", "high"]}, bounds)},
    }
    assert tell_accuracies(measures) == {"vit": "84.5% [82.1, 86.9]", "vit_noskip_late": "100.0%"}
    assert tell_accuracies({}) == {}
