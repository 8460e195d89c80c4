"""Figures of attention show what the result holds."""

import numpy as np

from seelike.figures import attention_distance as attention_plots
from seelike.results.labelled_array import LabelledArray


def heads(distances) -> LabelledArray:
    values = np.asarray(distances, float)
    axes = {"block": [f"b{i}" for i in range(values.shape[0])], "head": [f"h{i}" for i in range(values.shape[1])]}
    return LabelledArray(axes, values, uniform=30.0)


def test_every_head_is_a_dot_beside_its_untrained_self():
    trained, control = ({"vit": heads(np.full((3, 2), level))} for level in (15, 27))
    (ax,) = attention_plots.head_distances(trained, control, {"vit": "all data"})
    dots = [collection.get_offsets() for collection in ax.collections[:2]]
    assert dots[0].shape == dots[1].shape == (6, 2)
    assert set(dots[0][:, 1]) == {0.5} and set(dots[1][:, 1]) == {0.9}
    assert ax.get_title() == "all data" and list(ax.lines[0].get_ydata()) == [1, 1] and ax.get_ylim()[0] == 0


def test_receptive_fields_and_their_depth():
    layers = ["b.0", "b.1", "b.0.attn", "b.1.attn", "b.0.norm2:input", "b.1.norm2:input", "b.0.mlp", "b.1.mlp"]
    fields = {
        role: LabelledArray({"layer": names, "y": [0, 1], "x": [0, 1]}, np.ones((len(names), 2, 2)))
        for role, names in (("vit", layers), ("cnn", ["s.0.b.0", "s.0.b.1", "s.1.b.0"]))
    }
    control = {role: LabelledArray(array.axes, array.values / 4) for role, array in fields.items()}
    axes = attention_plots.receptive_fields(fields, control)
    assert axes.shape == (6, 3)
    assert [ax.get_ylabel() for ax in axes[:, 0]][1::2] == ["random\nweights"] * 3
    assert [[ax.get_title() for ax in row] for row in axes[2:4]] == [["b.0", "b.1", ""], ["", "", ""]]
    assert [ax.images[0].get_array().max() for ax in axes[:, 0]] == [1, 0.5] * 3
    along = {role: LabelledArray({"layer": array.axes["layer"]}, np.arange(len(array.values)))
             for role, array in fields.items()}  # fmt: skip
    radius, share = attention_plots.receptive_depth(
        {name: along for name in ("effective_radius", "effective_radius_random", "own_share", "own_share_random")}
    )
    assert [list(line.get_ydata()) for line in radius.lines[:3]] == [[0, 1], [0, 1, 2], [0, 2]]  # starts of stages
    assert [list(line.get_ydata()) for line in share.lines[:4]] == [[2, 3], [4, 5], [6, 7], [0, 1]]


def test_heads_of_every_training_stand_at_their_distance():
    measures, axes = {}, {"vit": ["vit", "vit_run2"], "head": [0]}
    for kind, distances in (("", [[10.0], [20]]), ("_random", [[30.0], [40]])):
        measures[f"head_distance{kind}"] = {"vit": LabelledArray(axes, distances, uniform=20.0)}
        cka = LabelledArray(axes | {"cnn_layer": [0, 1]}, [[[0.2, 0.4]], [[0.1, 0.1]]])
        measures[f"head_cka{kind}"] = {"vit_cnn": cka}
    ax = attention_plots.head_similarity(measures)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[1.5, 0.3], [2, 0.1]])
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.5, 0.3], [1, 0.1]])
    assert ax.get_xlim()[0] == 0 and ax.get_xlim()[1] > 2
