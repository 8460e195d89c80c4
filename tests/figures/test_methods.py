"""Figures of what measures see: a line a measure, a mark a network, and the axes say of what."""

import numpy as np

from seelike.figures import methods
from seelike.figures.methods import MEASURES
from seelike.measures.measure_choices import EVERY
from seelike.results.labelled_array import LabelledArray


def by(axis: str, labels: list) -> LabelledArray:
    values = np.arange(len(EVERY) * len(labels)).reshape(len(EVERY), -1) / 100
    return LabelledArray({"measure": EVERY, axis: labels}, values)


def test_every_measure_has_a_name_and_a_line_of_its_own():
    assert MEASURES.keys() == EVERY.keys()
    left, right = methods.measures(by("share", [0, 0.5, 1]), by("width", [4, 16]))
    for ax, places in ((left, [0, 0.5, 1]), (right, [4, 16])):
        lines = ax.get_lines()
        assert [line.get_label() for line in lines] == list(MEASURES.values())
        assert all(list(line.get_xdata()) == places for line in lines)
        assert len({line.get_color() for line in lines}) == len(EVERY)
    (legend,) = left.figure.legends
    assert len(legend.get_texts()) == len(EVERY) and "features" in right.get_xlabel()


def test_outliers_stand_beside_images_that_are_moved_together():
    outliers = LabelledArray({"outlier": ["alone", "both"], "factor": [1, 10]}, [[0.9, 0.1], [0.9, 0.5]])
    left, right = methods.outliers(outliers, by("distance", [0, 1, 2]))
    assert [list(line.get_ydata()) for line in left.get_lines()] == [[0.9, 0.1], [0.9, 0.5]]
    assert len(right.get_lines()) == len(EVERY) and "half" in right.get_title()


def test_a_sample_is_a_point_and_their_mean_a_line():
    ax = methods.samples(LabelledArray({"share": [0.25, 1], "draw": [0, 1]}, [[0.1, 0.3], [0.8, 0.8]]))
    assert np.allclose(ax.get_lines()[0].get_ydata(), [0.2, 0.8])
    assert len(ax.collections[0].get_offsets()) == 4
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1/4", "all"]


def test_calibrated_marks_are_filled_and_raw_ones_hollow():
    axes = {"measure": list(EVERY), "network": ["narrow", "wide"], "images": ["the same", "others"]}
    values = np.random.default_rng(0).random((len(EVERY), 2, 2, 3))
    array = LabelledArray(axes | {"score": ["best", "chance", "calibrated"]}, values)
    left, right = methods.calibration(array)
    marks = {line.get_label(): line for line in right.get_lines() if line.get_marker() == "o"}
    assert list(marks) == ["narrow, raw", "narrow, calibrated", "wide, raw", "wide, calibrated"]
    np.testing.assert_allclose(marks["wide, raw"].get_xdata(), values[:, 1, 1, 0])
    np.testing.assert_allclose(marks["narrow, calibrated"].get_xdata(), values[:, 0, 1, 2])
    assert marks["wide, raw"].get_markerfacecolor() == "none" != marks["wide, calibrated"].get_markerfacecolor()
    assert [label.get_text() for label in left.get_yticklabels()] == list(MEASURES.values())
