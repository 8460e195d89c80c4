"""Figures of changed images, cue conflicts, heads and probes show what the arrays say."""

import numpy as np
import pytest

from seelike.figures import intriguing_properties as plots
from seelike.results.labelled_array import LabelledArray


def line(axis: str, labels, *values: float) -> LabelledArray:
    return LabelledArray({axis: list(labels)}, values)


def test_curves_begin_at_the_intact_image_and_places_lie_below_one_another():
    roles = {"vit": 0.5, "cnn": 0.2}
    measures = {
        "kept_dropped": {role: line("share", [0.25, 0.5], 0.9, value) for role, value in roles.items()},
        "kept_by_place": {
            role: line("dropped", ["50% at random", "25% most object"], value, 0.1) for role, value in roles.items()
        },
        "kept_shuffled": {role: line("tiles a side", [2, 7], 0.8, value) for role, value in roles.items()},
    }
    dropped, places, shuffled = plots.kept(measures)
    curves = {each.get_label(): each.get_xydata().tolist() for each in dropped.lines if len(each.get_xdata()) == 3}
    assert curves == {"ViT": [[0, 1], [0.25, 0.9], [0.5, 0.5]], "CNN": [[0, 1], [0.25, 0.9], [0.5, 0.2]]}
    dots = [each for each in places.lines if each.get_marker() == "o"]
    assert [each.get_xdata()[0] for each in dots] == [0.5, 0.2]
    assert [label.get_text() for label in places.get_yticklabels()] == ["50% at random", "25% most object"]
    assert shuffled.get_xticks().tolist() == [2, 7]


def decided() -> dict[str, dict[str, LabelledArray]]:
    array, bias = line("decision", ["shape", "texture", "neither"], 0.25, 0.5, 0.25), line("pictures", ["all"], 1 / 3)
    roles = {"": ("vit", "cnn"), "_random": ("vit",)}
    found = {f"decisions{kind}": dict.fromkeys(own, array) for kind, own in roles.items()}
    return found | {f"shape_bias{kind}": dict.fromkeys(own, bias) for kind, own in roles.items()}


def test_decisions_add_up_to_one_bar_beside_the_shape_bias():
    ax = plots.decisions(decided())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ViT", "ViT, untrained", "CNN"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.25, 0.5, 0.25] * 3)
    assert [bar.get_x() for bar in ax.patches][:3] == pytest.approx([0, 0.25, 0.75])
    right = ax.figure.axes[-1]
    assert [label.get_text() for label in right.get_yticklabels()] == ["0.33"] * 3
    assert right.get_ylabel() == "shape bias" and right.get_ylim() == ax.get_ylim()


def test_of_a_run_with_cue_conflicts_the_decisions_are_shown():
    assert plots.of_run(decided()).get_xlabel() == "share of cue conflicts"


def test_lines_join_trainings_before_and_after():
    axes = {"learned from": ["ordinary drawings", "outlines alone"], "compared": ["shape bias", "Jaccard index"]}
    values = [[[0.1, 0.2], [0.3, 0.3]], [[0.9, 0.8], [0.4, 0.4]]]
    found = {"vit": LabelledArray(axes | {"training": [1, 2]}, values)}
    bias, jaccard = plots.learned_from(found)
    assert [each.get_ydata().tolist() for each in bias.lines] == [[0.1, 0.9], [0.2, 0.8]]
    assert [ax.get_title() for ax in (bias, jaccard)] == axes["compared"]


def test_heads_stand_beside_untrained_ones_and_the_whole_image():
    labels = ["head 0", "head 1", "whole image"]
    ax = plots.segments(line("chosen by", labels, 0.3, 0.2, 0.25), line("chosen by", labels, 0.1, 0.15, 0.25))
    assert [bar.get_height() for bar in ax.patches] == [0.3, 0.2, 0.1, 0.15]
    assert ax.lines[0].get_ydata()[0] == 0.25


def test_transfer_is_by_the_number_of_blocks():
    ax = plots.transfer(line("last blocks", [1, 2], 0.4, 0.5), line("last blocks", [1, 2], 0.2, 0.2))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.4], [2, 0.5]])
    assert ax.lines[1].get_label() == "random weights"
