"""Figures of dense prediction: a square for each patch of an object, lines that end at one place, both fields."""

import numpy as np
import pytest
from PIL import Image

from seelike.figures import dense_prediction as plots
from seelike.figures.palette import SERIES
from seelike.results.labelled_array import LabelledArray

NAMES = ("disk", "ring", "triangle", "slab", "cross")


def make_labels(values) -> LabelledArray:
    axes = {"image": [3, 8], "row": range(2), "column": range(2)}
    return LabelledArray(axes, values)


def test_examples_have_a_row_for_each_model_and_a_square_for_each_patch_of_an_object():
    true = make_labels([[[0, 1], [0, 0]], [[2, 2], [0, 0]]])
    taken = make_labels([[[0, 0], [0, 0]], [[2, 5], [0, 0]]])
    pictures = [Image.new("RGB", (8, 8))] * 2
    axes = plots.examples(pictures, {"truth": true, "cnn": taken}, NAMES)
    assert axes.shape == (3, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["drawing", "true", "CNN"]
    assert [[len(ax.patches) for ax in row] for row in axes[1:]] == [[1, 2], [0, 2]]
    square = axes[1, 0].patches[0]
    assert square.get_xy() == (1, 0) and axes[1, 0].yaxis_inverted()
    assert [to_hex(each) for each in axes[2, 1].patches] == [SERIES[1].lower(), SERIES[4].lower()]


def test_areas_of_pixels_are_those_of_their_label():
    labels = np.zeros((1, 8, 8), int)
    labels[0, 2:6, 4:] = 3
    true = LabelledArray({"image": [3], "row": range(8), "column": range(8)}, labels)
    found = {"truth": true, "plain ViT": LabelledArray(true.axes, 0 * labels)}
    axes = plots.pixels([Image.new("RGB", (8, 8))], found, NAMES)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["drawing", "true", "plain ViT"]
    assert len(axes[1, 0].collections) == 1 and not axes[2, 0].collections and axes[1, 0].yaxis_inverted()
    (area,) = axes[1, 0].collections
    assert to_hex(area) == SERIES[2].lower()
    (bounds,) = [path.get_extents().bounds for path in area.get_paths()]
    assert bounds == pytest.approx((4, 2, 4, 4))


def test_every_design_has_a_dot_a_training_and_a_line_at_their_mean():
    names = ["local and global", "local alone", "global alone", "random windows", "plain ViT"]
    axes = {"labels": ["patches", "pixels", "classes"], "design": names, "training": [1, 2]}
    values = np.linspace(0, 1, 30).reshape(3, 5, 2)
    panels = plots.designs(LabelledArray(axes, values))
    assert [ax.get_xlabel() for ax in panels] == ["mIoU of patches", "mIoU of pixels", "accuracy of classes"]
    assert [text.get_text() for text in panels[0].get_yticklabels()] == names and panels[0].yaxis_inverted()
    for ax, scores in zip(panels, values, strict=True):
        assert [line.get_xdata().tolist() for line in ax.lines] == scores.tolist()
        means = [each.get_segments()[0][0, 0] for each in ax.collections]
        assert means == pytest.approx(scores.mean(1))


def to_hex(patch) -> str:
    return "#" + "".join(f"{round(255 * value):02x}" for value in np.ravel(patch.get_facecolor())[:3])


def make_measures() -> dict:
    curves = {
        "vit": LabelledArray({"block": ["a", "b", "c"]}, [0.2, 0.3, 0.4]),
        "cnn": LabelledArray({"block": ["a", "b"]}, [0.3, 0.1]),
    }
    floor = LabelledArray({"answer": ["raw patches", "ground everywhere"]}, [0.2, 0.15])
    together = {"vit": LabelledArray({"blocks": ["four together"]}, [0.45])}
    return {"miou": curves, "miou_random": curves, "miou_together": together, "miou_floor": {"patches": floor}}


def test_models_of_other_depth_end_at_the_same_place_and_floors_are_drawn():
    ax = plots.depth(make_measures())
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["ViT"].get_xdata().tolist() == [0, 0.5, 1] and lines["CNN"].get_xdata().tolist() == [0, 1]
    assert lines["ViT, four blocks together"].get_ydata() == pytest.approx([0.45])
    assert [text.get_text() for text in ax.texts] == ["raw patches", "ground everywhere"]
    assert ax.get_ylim()[0] == 0


def test_fields_are_of_the_layer_that_is_named_and_radii_of_all():
    layers = {"layer": ["one", "two"]}
    fields = {
        name: LabelledArray(
            layers | {"y": range(2), "x": range(2)}, np.stack([np.zeros((2, 2)), np.full((2, 2), share)])
        )
        for name, share in {"full": 1.0, "local": 0.25}.items()
    }
    radii = {name: LabelledArray(layers, [0.1, radius]) for name, radius in {"full": 0.9, "local": 0.2}.items()}
    axes = plots.fields({"receptive_field": fields, "effective_radius": radii}, "two")
    assert [ax.images[0].get_array().max() for ax in axes[:2]] == [1, 0.5]
    assert [line.get_ydata()[-1] for line in axes[2].lines[:2]] == [0.9, 0.2]
    assert axes[2].lines[2].get_xdata()[0] == 2
