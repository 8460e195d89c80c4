"""Figures of features, tokens and filters show what the arrays say."""

import numpy as np
import pytest
from PIL import Image

from seelike.figures import visual_exploration as plots
from seelike.figures.forms import draw_narrow
from seelike.results.labelled_array import LabelledArray


def test_each_feature_has_a_row_of_its_pictures():
    images = [(Image.new("RGB", (4, 4), (number, 0, 0)), 0) for number in range(8)]
    array = LabelledArray({"feature": ["block 1, 1", "block 8, 1"], "rank": [1, 2, 3]}, [[3, 1, 2], [7, 5, 6]])
    axes = plots.most_activating(array, images)
    shown = [[ax.images[0].get_array()[0, 0, 0] for ax in row] for row in axes]
    assert shown == [[3, 1, 2], [7, 5, 6]]
    assert [row[0].get_ylabel() for row in axes] == ["block 1, 1", "block 8, 1"]


def test_a_phone_shows_the_first_half_of_many_pictures():
    images = [(Image.new("RGB", (4, 4), (number, 0, 0)), 0) for number in range(8)]
    array = LabelledArray({"feature": ["block 1, 1", "block 8, 1"], "rank": [1, 2, 3, 4, 5]}, [[3, 1, 2, 0, 4]] * 2)
    narrow = draw_narrow(plots.most_activating(array, images)[0, 0].figure)
    assert [ax.images[0].get_array()[0, 0, 0] for ax in narrow.axes] == [3, 1, 2] * 2


def test_before_the_best_picture_stands_where_the_feature_is_active_in_it():
    images = [(Image.new("RGB", (4, 4), (number, 0, 0)), 0) for number in range(8)]
    array = LabelledArray({"feature": ["block 1, 1", "block 8, 1"], "rank": [1, 2]}, [[3, 1], [7, 5]])
    maps = LabelledArray({"feature": ["block 1, 1", "block 8, 1"], "y": [0, 1], "x": [0]}, [[[0.1], [0.2]], [[1], [0]]])
    axes = plots.most_activating(array, images, maps)
    assert axes.shape == (2, 3) and axes[0, 0].get_ylabel() == "block 1, 1"
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), [[1], [0]])
    assert [ax.images[0].get_array()[0, 0, 0] for ax in axes[1, 1:]] == [7, 5]


def test_maximised_pictures_stand_four_in_a_row():
    pictures = np.linspace(0, 1, 8)[:, None, None, None] * np.ones((8, 3, 4, 4))
    axes = plots.maximized([f"block 1, {number}" for number in range(8)], pictures)
    assert axes.shape == (2, 4) and axes[1, 0].get_title() == "block 1, 4"
    assert axes[1, 0].images[0].get_array().shape == (4, 4, 3)
    assert axes[1, 3].images[0].get_array().max() == 1


def test_purity_has_a_panel_a_kind_and_a_dashed_control():
    axes = {"features": ["MLP", "queries, keys, values"], "block": ["a", "b"], "cue": ["outline", "texture"]}
    values = np.arange(8.0).reshape(2, 2, 2)
    panels = plots.purity(LabelledArray(axes, values), LabelledArray(axes, values + 10))
    assert [ax.get_title() for ax in panels] == ["MLP", "queries, keys, values"]
    assert panels[1].lines[0].get_ydata().tolist() == [4, 6] and panels[1].lines[1].get_ydata().tolist() == [14, 16]
    assert panels[1].lines[1].get_linestyle() == "--"


def test_maps_of_tokens_say_what_the_model_itself_reaches():
    maps = {role: LabelledArray({"y": [0, 1], "x": [0, 1]}, [[0.1, 0.2], [0.3, 0.4]]) for role in ("vit", "vit_gap")}
    intact = {role: LabelledArray({"images": ["intact"]}, [0.9]) for role in maps}
    axes = plots.tokens(maps, intact)
    assert axes[0].get_title() == "ViT\nmean 0.25, own answer 0.90" and len(axes) == 2
    assert {ax.images[0].get_clim() for ax in axes} == {(0, 1)}


def test_the_isolation_curve_ends_at_the_intact_model():
    ax = plots.isolated(LabelledArray({"blocks left to CLS": [0, 1, 2]}, [0, 0.2, 0.5]))
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [1, 0.2], [2, 0.5], [3, 1]]


def test_filtered_has_a_line_for_each_model():
    arrays = {role: LabelledArray({"cut-off": [0.1, 0.9]}, [0.2, 1.0]) for role in ("vit", "cnn")}
    ax = plots.filtered(arrays)
    assert [each.get_label() for each in ax.lines[:2]] == ["ViT", "CNN"]
    assert ax.lines[0].get_ydata() == pytest.approx([0.2, 1.0])


def test_each_training_has_a_dot_for_each_part_of_a_drawing():
    axes = {"training": [1, 2], "shown": ["foreground", "background", "foreground, box moved"]}
    arrays = {role: LabelledArray(axes, [[0.9, 0.2, 0.1], [0.8, 0.3, 0.1]]) for role in ("vit", "cnn")}
    ax = plots.parts(arrays)
    dots = [each.get_xdata().tolist() for each in ax.lines if each.get_marker() == "o"]
    assert dots == [[0.9, 0.2, 0.1], [0.8, 0.3, 0.1]] * 2
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "foreground,\nbox moved"
