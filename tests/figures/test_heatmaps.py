"""Figures show what the result holds, on the axes they are given."""

import matplotlib.pyplot as plt
import numpy as np

from seelike.figures import heatmaps as plots
from seelike.results.labelled_array import LabelledArray


def cka(n: int, m: int, names=("layer", "other"), **more) -> LabelledArray:
    axes = dict(zip(names, ([f"l{i}" for i in range(k)] for k in (n, m)), strict=True))
    return LabelledArray(axes, np.random.default_rng(0).random((n, m)), **more)


def test_heatmap_shows_the_values_input_at_the_lower_left():
    shown = cka(4, 6, ("vit_layer", "cnn_layer"))
    own = plt.subplots()[1]
    ax = plots.similarity(shown, "title", own)
    assert ax is own
    np.testing.assert_array_equal(ax.images[0].get_array(), shown.values)
    assert ax.images[0].get_clim() == (0, 1)
    assert ax.get_ylim() == (0, 4) and ax.get_xlim() == (0, 6)
    assert ax.get_ylabel() == "ViT layer, input → output" and ax.get_xlabel().startswith("CNN layer")


def test_stage_lines_are_drawn_where_stages_end():
    ax = plots.similarity(cka(6, 6, boundaries=[2, 5]))
    assert [line.get_ydata()[0] for line in ax.lines[::2]] == [2, 5]


def test_the_three_heatmaps_share_one_colorbar():
    arrays = {"vit": cka(3, 3), "cnn": cka(5, 5), "vit_cnn": cka(3, 5, ("vit_layer", "cnn_layer"))}
    axes = plots.uniformity(arrays)
    assert [ax.get_title() for ax in axes] == ["ViT", "CNN", "ViT against CNN"]
    assert len(axes[0].figure.axes) == 4


def test_models_stand_beside_the_same_with_random_weights():
    trained = {"vit": cka(3, 3), "cnn": cka(5, 5), "vit_cnn": cka(3, 5, ("vit_layer", "cnn_layer"))}
    control = {pair: LabelledArray(array.axes, array.values / 2) for pair, array in trained.items()}
    axes = plots.beside_control(trained, control)
    assert [ax.get_title() for ax in axes[:, 2]] == ["ViT against CNN,\ntrained", "ViT against CNN,\nrandom weights"]
    for above, below in axes.T:
        np.testing.assert_allclose(below.images[0].get_array(), above.images[0].get_array() / 2)
