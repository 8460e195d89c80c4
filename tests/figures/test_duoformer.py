"""Figures of scales: what stands where, and that what is not there draws nothing."""

import numpy as np
import pytest

from seelike.figures import duoformer as plots
from seelike.figures.palette import COLORS
from seelike.results.labelled_array import LabelledArray


def test_a_row_has_a_dot_a_training_a_mean_and_an_interval():
    designs = ["DuoFormer", "one scale", "untrained backbone"]
    trainings = LabelledArray({"design": designs, "training": [1, 2]}, [[0.9, 0.8], [0.7, np.nan], [0.3, 0.5]])
    numbers = [[0.85, 0.8, 0.9], [0.7, 0.6, 0.8], [0.4, 0.2, 0.6]]
    ax = plots.accuracies(trainings, LabelledArray({"design": designs, "number": ["mean", "low", "high"]}, numbers))
    dots = [line.get_xdata() for line in ax.lines if line.get_marker() == "o"]
    assert [np.ravel(each).tolist() for each in dots] == [[0.9, 0.8], [0.7], [0.3, 0.5]]
    means = [(float(np.ravel(line.get_xdata())[0]), line.get_color()) for line in ax.lines if line.get_marker() == "D"]
    assert [mean for mean, _ in means] == [0.85, 0.7, 0.4]
    assert means[0][1] == COLORS["vit"] and means[2][1] == COLORS["random"] != means[1][1]
    assert ax.lines[-1].get_xdata() == [0.85, 0.85] and ax.yaxis_inverted()


def test_without_the_first_design_there_is_no_line_of_it():
    trainings = LabelledArray({"design": ["one scale"], "training": [1]}, [[0.7]])
    ax = plots.accuracies(trainings, LabelledArray({"design": ["one scale"], "number": ["m", "l", "h"]}, [[0.7] * 3]))
    assert len(ax.lines) == 3


def test_one_patch_is_framed_in_the_drawing_and_in_every_stage():
    sides = {"drawing": 56, "7 × 7": 7, "14 × 14": 14}
    found = {name: LabelledArray({"row": range(n), "column": range(n)}, np.zeros((n, n))) for name, n in sides.items()}
    axes = plots.tokens(found)
    frames = [ax.patches[0] for ax in axes]
    assert [(frame.get_x(), frame.get_width()) for frame in frames] == [(23.5, 8), (2.5, 1), (5.5, 2)]
    assert [ax.get_title() for ax in axes][1:] == ["stage of 7 × 7: 1 token", "stage of 14 × 14: 4 tokens"]


def test_attention_is_told_by_block_kind_of_patch_and_scale():
    axes = {"block": [1, 2], "head": [1, 2], "patch": ["with ink", "without"], "scale": ["scale token", "1", "4"]}
    found = LabelledArray(axes, np.arange(24).reshape(2, 2, 2, 3) / 24)
    drawn = plots.attention(found, LabelledArray(axes, np.full((2, 2, 2, 3), 1 / 3)))
    bars = [bar.get_height() for bar in drawn[1].patches]
    assert bars[:3] == pytest.approx(found.values[1, :, 0].mean(0)) and bars[6:] == pytest.approx([1 / 3] * 3)
    even = [line.get_segments()[0][0][1] for line in drawn[0].collections]
    assert even == pytest.approx([1 / 6, 1 / 6, 4 / 6])


def test_stages_are_drawn_beside_their_control():
    trained, control = (LabelledArray({"last stages": [1, 2]}, values) for values in ([0.7, 0.8], [0.2, 0.3]))
    ax = plots.stages(trained, control)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.7, 0.8], [0.2, 0.3]]
