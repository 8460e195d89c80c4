"""Figures of the localization chapter: what is drawn is what the arrays say."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from seelike.figures import localization as localization_plots
from seelike.results.labelled_array import LabelledArray


def maps(rows=4, columns=5):
    axes = {"layer": ["a", "b"], "token": ["0,0", "0,2", "2,3"], "y": list(range(rows)), "x": list(range(columns))}
    return LabelledArray(axes, np.arange(2.0 * 3 * rows * columns).reshape(2, 3, rows, columns) / 120)


def curves(kinds=("single", "CLS", "pooled"), layers=4, level=0.5):
    axes = {"kind": list(kinds), "layer": [f"blocks.{i}" for i in range(layers)]}
    return LabelledArray(axes, np.full((len(kinds), layers), level))


def test_each_models_last_block_shares_limits_and_has_its_own_patch_outlined():
    axes = localization_plots.models({"vit": maps(), "cnn": maps()}, {"vit": maps(), "cnn": maps()})
    assert axes.shape == (3, 3)
    np.testing.assert_array_equal(axes[1, 2].images[0].get_array(), maps().values[1, 2])
    assert len({ax.images[0].get_clim() for ax in axes.flat}) == 1
    outline = axes[0, 2].patches[0]
    assert (outline.get_x(), outline.get_y()) == (2.5, 1.5)  # column 3, row 2
    assert [row[0].get_ylabel() for row in axes] == ["ViT, CLS", "CNN", "ViT,\nrandom weights"]


def test_a_row_for_each_block():
    axes = localization_plots.blocks({"vit": maps()}, {"vit": maps()})
    assert [row[0].get_ylabel() for row in axes] == ["a", "b"]
    np.testing.assert_array_equal(axes[0, 1].images[0].get_array(), maps().values[0, 1])


def test_both_figures_of_maps_share_the_limits_of_what_they_show():
    cka = {"vit": maps(), "cnn": maps()}
    cka["vit"].values[0, 1, 2, 3], cka["cnn"].values[0, 0, 0, 0], cka["cnn"].values[1, 0, 0, 1] = 3, 9, np.nan
    for drawn in (localization_plots.models, localization_plots.blocks):
        assert {ax.images[0].get_clim() for ax in drawn(cka, {"vit": maps()}).flat} == {(0, 3)}


def test_scores_lie_over_depth_with_the_control_dashed():
    trained = {role: LabelledArray({"layer": ["a", "b", "c"]}, np.array([3.0, 2, 1])) for role in ("vit", "cnn")}
    control = {role: replace(array, values=np.zeros(3)) for role, array in trained.items()}
    edge = {role: LabelledArray({"layer": ["pixels", "a", "b"]}, np.array([9.0, 2, 1])) for role in trained}
    measures = {"localization_score": trained, "localization_score_random": control}
    axes = localization_plots.scores(measures | {"edge_score": edge, "edge_score_random": edge})
    lines = axes[0].get_lines()
    np.testing.assert_array_equal(lines[0].get_xydata(), [[0, 3], [0.5, 2], [1, 1]])
    assert lines[1].get_linestyle() == "--" and lines[0].get_color() == lines[1].get_color()
    np.testing.assert_array_equal(axes[1].get_lines()[0].get_xydata(), [[0, 2], [1, 1]])
    assert axes[1].get_lines()[-1].get_ydata()[0] == 9  # of the pixels


def test_a_panel_of_probes_for_each_model():
    trained = {"vit": curves(), "vit_gap": curves(("single", "pooled")), "cnn": curves(("single", "pooled"), 7)}
    control = {role: replace(array, values=array.values - 2) for role, array in trained.items()}
    axes = localization_plots.probes(trained, control, "accuracy")
    assert [ax.get_title() for ax in axes] == ["ViT, CLS", "ViT, GAP", "CNN"]
    assert len(axes[1].get_lines()) == 4 and len(axes[2].get_lines()[0].get_xdata()) == 7
    assert axes[0].get_ylim()[0] == pytest.approx(-0.12)
    labels = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert labels == ["CLS", "pooled", "single token", "random weights"]


def test_occlusion_is_drawn_below_the_pictures():
    pictures = [Image.new("RGB", (6, 6), color) for color in ("red", "blue")]
    falls = np.array([[[2.0, 1], [-1, 0]], [[0, 0], [0, 0]]])
    array = LabelledArray({"image": [0, 1], "y": [0, 1], "x": [0, 1]}, falls)
    axes = localization_plots.occlusion(pictures, {"vit": array, "cnn": array})
    assert axes.shape == (3, 2)
    np.testing.assert_array_equal(axes[0, 0].images[0].get_array()[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(axes[2, 0].images[-1].get_array(), falls[0] / 2)
    assert np.isfinite(axes[1, 1].images[-1].get_array()).all()
    assert axes[2, 0].images[0].get_extent() == axes[2, 0].images[-1].get_extent()  # the map lies over the picture
