"""Figures of skip connections show what the result holds."""

import numpy as np

from seelike.figures import skip_connections as skip_plots
from seelike.figures.palette import PAPER
from seelike.results.labelled_array import LabelledArray


def array(values, boundaries=None, **axes) -> LabelledArray:
    return LabelledArray(axes, values, boundaries=boundaries)


def ratios(level: float = 1.0) -> dict:
    vit = array([[level, 2], [3, 4], [5, 6]], sublayer=["a", "b", "c"], kind=["CLS", "spatial"])
    return {"vit": vit, "cnn": array([[7], [8]], sublayer=["s", "t"], kind=["spatial"])}


def identity(*cnn: float) -> dict:
    return {"vit": array([1, 1, 1], sublayer=["a", "b", "c"]), "cnn": array(cnn or [1, 1], sublayer=["s", "t"])}


def both(found: dict, skips: dict) -> dict:
    """The same trained and with random weights."""
    return {
        f"{name}{kind}": each
        for name, each in (("norm_ratio", found), ("identity_skip", skips))
        for kind in ("", "_random")
    }


def test_every_token_is_a_cell_and_every_kind_a_line():
    tokens = array(np.arange(1, 16).reshape(3, 5), sublayer=["a", "b", "c"], token=["CLS", "p0", "p1", "p2", "p3"])
    heat = skip_plots.token_ratios(tokens)
    spatial, cls = heat.collections[:2]
    np.testing.assert_array_equal(spatial.get_array(), tokens.values[:, 1:])
    np.testing.assert_array_equal(cls.get_array(), tokens.values[:, :1])
    assert spatial.norm is cls.norm and heat.get_xticklabels()[0].get_text() == "CLS"
    lines, _ = skip_plots.ratio_depth(both(ratios(), identity()))
    assert [list(line.get_ydata()) for line in lines.lines[:3]] == [[1, 3, 5], [2, 4, 6], [7, 8]]
    assert list(lines.lines[2].get_xdata()) == [0, 1]


def test_a_model_without_cls_or_of_uneven_stages_can_be_drawn():
    spatial = {role: array([[1], [2]], sublayer=["a", "b"], kind=["spatial"]) for role in ("vit", "cnn")}
    tokens = array(np.ones((2, 4)), sublayer=["a", "b"], token=["p0", "p1", "p2", "p3"])
    skips = {role: array([1, 1], sublayer=["a", "b"]) for role in ("vit", "cnn")}
    assert len(skip_plots.token_ratios(tokens).collections) == 1
    assert len(skip_plots.ratio_depth(both(spatial, skips))[1].lines) == 3  # two models and the line at 1


def test_points_are_open_where_the_skip_is_no_identity():
    ax, _ = skip_plots.ratio_depth(both(ratios(), identity(0, 1)))
    line, opened = ax.lines[2:4]
    assert list(line.get_ydata()) == [7, 8] and line.get_markevery().tolist() == [False, True]
    assert list(opened.get_ydata()) == [7] and list(opened.get_xdata()) == [0]
    assert opened.get_markerfacecolor() == PAPER != opened.get_color()
    named = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert named[2:] == [line.get_label(), opened.get_label(), "squares: MLP branches"]


def test_mlp_branches_are_squares():
    sublayers = ["blocks.0.attn", "blocks.0.mlp", "blocks.1.attn", "blocks.1.mlp"]
    found = {"vit": array([[1], [2], [3], [4]], sublayer=sublayers, kind=["spatial"]), "cnn": ratios()["cnn"]}
    skips = identity() | {"vit": array([1, 1, 1, 1], sublayer=sublayers)}
    ax, _ = skip_plots.ratio_depth(both(found, skips))
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[1 / 3, 2], [1, 4]])


def test_trained_stands_left_of_untrained():
    skips = {"identity_skip": identity(), "identity_skip_random": identity()}
    left, right = skip_plots.ratio_depth({"norm_ratio": ratios(1), "norm_ratio_random": ratios(9)} | skips)
    assert left.lines[0].get_ydata()[0] == 1 and right.lines[0].get_ydata()[0] == 9
    assert left.get_yscale() == "log" and (left.get_title(), right.get_title()) == ("trained", "random weights")
    left, right = skip_plots.cosine_depth({"skip_cosine": ratios(1), "skip_cosine_random": ratios(9)} | skips)
    assert left.get_yscale() == "linear" and right.lines[0].get_ydata()[0] == 9


def test_cuts_are_marked_and_titled_with_their_accuracy():
    axes = {"layer": ["a", "b", "c"], "other": ["a", "b", "c"]}
    cka = {"vit": array(np.eye(3), **axes), "vit_noskip_middle": array(np.eye(3), [1], **axes)}
    models = ["vit", "vit_noskip_middle"]
    bounds = array([[0.88, 0.92], [np.nan, np.nan]], model=models, bound=["low", "high"])
    measures = {"accuracy": {"vit": array([0.9, 0.855], model=models)}, "accuracy_interval": {"vit": bounds}}
    intact, ablated = skip_plots.skip_ablation({"cka": cka} | measures)
    assert intact.get_title() == "intact\n90.0% [88.0, 92.0]" and ablated.get_title() == "no skips, middle\n85.5%"
    assert not intact.lines and {tuple(line.get_ydata()) for line in ablated.lines} == {(1, 1), (0, 1)}
    assert skip_plots.skip_ablation({"cka": cka})[0].get_title() == "intact"
