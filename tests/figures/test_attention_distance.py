"""Figures of attention show what the result holds."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from seelike.figures import attention_distance as attention_plots
from seelike.results.labelled_array import LabelledArray


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def heads(distances) -> LabelledArray:
    values = np.asarray(distances, float)
    axes = {"block": [f"b{i}" for i in range(values.shape[0])], "head": [f"h{i}" for i in range(values.shape[1])]}
    return LabelledArray(axes, values, uniform=30.0)


def test_every_head_is_a_dot_beside_its_untrained_self():
    trained, control = ({"vit": heads(np.full((3, 2), level))} for level in (10, 28))
    (ax,) = attention_plots.head_distances(trained, control, {"vit": "all data"})
    dots = [collection.get_offsets() for collection in ax.collections[:2]]
    assert dots[0].shape == dots[1].shape == (6, 2)
    assert set(dots[0][:, 1]) == {10} and set(dots[1][:, 1]) == {28}
    assert ax.get_title() == "all data" and list(ax.lines[0].get_ydata()) == [30, 30]


def test_receptive_fields_and_their_depth():
    layers = ["b.0", "b.1", "b.0.attn", "b.1.attn", "b.0.norm2:input", "b.1.norm2:input"]
    fields = {
        role: LabelledArray({"layer": names, "y": [0, 1], "x": [0, 1]}, np.ones((len(names), 2, 2)))
        for role, names in (("vit", layers), ("cnn", ["s.0", "s.1", "s.2"]))
    }
    axes = attention_plots.receptive_fields(fields)
    assert axes.shape == (3, 3)
    assert [ax.get_title() for ax in axes[1]] == ["b.0", "b.1", ""]
    along = {role: LabelledArray({"layer": array.axes["layer"]}, np.arange(len(array.values)))
             for role, array in fields.items()}  # fmt: skip
    radius, share = attention_plots.receptive_depth(
        {name: along for name in ("effective_radius", "effective_radius_random", "own_share", "own_share_random")}
    )
    assert [list(line.get_ydata()) for line in radius.lines[:2]] == [[0, 1], [0, 1, 2]]
    assert [list(line.get_ydata()) for line in share.lines[:2]] == [[2, 3], [4, 5]]


def test_head_similarity_pairs_distance_with_similarity():
    measures = {}
    for kind, distances in (("", [1.0, 2]), ("_random", [3.0, 4])):
        measures[f"head_distance{kind}"] = {"vit": LabelledArray({"heads": [0, 1]}, distances)}
        measures[f"head_cka{kind}"] = {
            "vit_cnn": LabelledArray({"heads": [0, 1], "cnn_layer": [0, 1]}, [[0.2, 0.4], [0.1, 0.1]])
        }
    ax = attention_plots.head_similarity(measures)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1, 0.3], [2, 0.1]])
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[3, 0.3], [4, 0.1]])
