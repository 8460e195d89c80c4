"""Figures of convolutions as attention show what the result holds."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from seelike.figures import convolution as plots
from seelike.figures.palette import COLORS
from seelike.results.labelled_array import LabelledArray


def test_errors_fall_in_a_panel_for_each_patch():
    values = np.arange(1, 13.0).reshape(2, 2, 3)
    array = LabelledArray({"kernel": [3, 5], "patch": [4, 8], "sharpness": [0, 4, 8]}, values)
    axes = plots.errors({"matched": array, "misplaced": array})
    assert [ax.get_title() for ax in axes] == ["patches of 4×4", "patches of 8×8"]
    assert axes[1].lines[1].get_ydata().tolist() == [10, 11, 12] and len(axes[1].lines) == 4


def test_fewer_heads_have_a_line_and_dots_for_each_kernel():
    closed = LabelledArray({"kernel": [3, 5], "heads": [0, 1, 2]}, [[1, 0.5, 0], [1, 0.7, np.nan]])
    axes = plots.fewer_heads({"closed_form": closed, "fitted": closed})
    assert [ax.get_title() for ax in axes] == ["3×3", "5×5"]
    assert [line.get_label() for line in axes[1].lines] == ["closed form", "learned"]


def test_heads_needed_have_a_line_for_each_patch():
    ax = plots.heads_needed(LabelledArray({"kernel": [3, 5], "patch": [1, 8]}, [[9, 9], [25, 9]]))
    assert {line.get_label(): line.get_ydata().tolist() for line in ax.lines} == {
        "pixels": [9, 25],
        "patches of 8×8": [9, 9],
    }


def test_heads_are_coloured_by_how_far_their_offset_leads():
    axes = {"block": ["a", "b"], "head": ["head 0", "head 1"]}
    share, far = LabelledArray(axes, [[0.1, 0.2], [0.3, 0.4]], uniform=0.02), LabelledArray(axes, [[0, 1], [1, 3]])
    (ax,) = plots.offset_heads({"vit": share}, {"vit": far}, {"vit": "all data"})
    found = {dots.get_label(): dots.get_offsets().tolist() for dots in ax.collections}
    assert found == {"the own patch": [[0, 0.1]], "a neighbour": [[0, 0.2], [1, 0.3]], "farther away": [[1, 0.4]]}
    assert ax.collections[1].get_facecolor()[0, :3] == pytest.approx(to_rgb(COLORS["vit"]))
    assert [line.get_ydata()[0] for line in ax.lines] == [0.02, 1]


def test_starts_have_a_line_each_over_the_data():
    array = LabelledArray(
        {"percent": [3, 100], "start": ["free", "as a convolution", "permuted"]}, [[1, 2, 3], [4, 5, 6]]
    )
    ax = plots.starts(array)
    assert {line.get_label(): line.get_ydata().tolist() for line in ax.lines} == {
        "free": [1, 4],
        "as a convolution": [2, 5],
        "permuted": [3, 6],
    }


def test_of_another_run_starts_stand_beside_heads_where_they_are_known():
    axes = {"block": ["a"], "head": ["head 0"]}
    heads = {"offset_share": {"vit": LabelledArray(axes, [[0.5]], uniform=0.02)}}
    heads |= {"offset_distance": {"vit": LabelledArray(axes, [[1]])}}
    accuracy = LabelledArray({"percent": [3, 100], "start": ["free", "as a convolution", "permuted"]}, np.ones((2, 3)))
    (alone,) = plots.of_run(heads, {"vit": "a ViT"})
    left, right = plots.of_run(heads | {"start_accuracy": {"vit": accuracy}}, {"vit": "a ViT"})
    assert [ax.get_title() for ax in (alone, left, right)] == ["a ViT", "a ViT", "accuracy by start"]
    assert len(right.lines) == 3 and left.collections[1].get_offsets().tolist() == [[0, 0.5]]
