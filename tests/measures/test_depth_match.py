"""M3: which blocks lie at equal depth, and what a bright diagonal gives; the figure marks them."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import timm
import torch

from seelike.chapters import uniformity
from seelike.figures import sizes as size_plots
from seelike.measures.depth_match import equal_depth_cka, equal_depth_contrast, match_depth
from seelike.results.labelled_array import LabelledArray


def test_equal_depth_by_hand():
    assert match_depth(8, 6).tolist() == [0, 1, 1, 2, 3, 4, 4, 5]
    assert match_depth(5, 5).tolist() == [0, 1, 2, 3, 4]
    assert match_depth(3, 4).tolist() == [0, 1, 3]  # the middle lies between two: the lower is taken
    assert match_depth(2, 9).tolist() == [0, 8]


def test_equal_depth_agrees_with_loops():
    for n_large in range(2, 14):
        for n_small in range(2, 14):
            for i, match in enumerate(match_depth(n_large, n_small)):
                apart = [abs(i * (n_small - 1) - j * (n_large - 1)) for j in range(n_small)]  # in whole numbers
                assert match == apart.index(min(apart))


def test_equal_depth_stands_out_from_its_neighbours():
    cka = np.full((8, 6), 0.4)
    cka[np.arange(8), match_depth(8, 6)] = 0.9
    assert equal_depth_contrast(cka) == pytest.approx(0.5)
    assert equal_depth_contrast(cka[:, ::-1]) < 0
    assert equal_depth_contrast(np.full((8, 6), 0.4)) == pytest.approx(0)


def test_neighbours_alone_count():
    """By hand: 0.9 − 0.5, 0.8 − (0.6 + 0.4)/2, 0.7 − 0.1; the corners are no neighbours."""
    cka = np.array([[0.9, 0.5, 0.0], [0.6, 0.8, 0.4], [1.0, 0.1, 0.7]])
    assert equal_depth_contrast(cka) == pytest.approx((0.4 + 0.3 + 0.6) / 3)
    cka[0, 2] = cka[2, 0] = -1
    assert equal_depth_contrast(cka) == pytest.approx((0.4 + 0.3 + 0.6) / 3)


def test_contrast_agrees_with_loops():
    cka, gains = np.random.default_rng(0).random((7, 5)), []
    for i, own in enumerate(match_depth(7, 5)):
        near = [cka[i, j] for j in (own - 1, own + 1) if 0 <= j < 5]
        gains.append(cka[i, own] - np.mean(near))
    assert equal_depth_contrast(cka) == pytest.approx(np.mean(gains))


def minibatches(models, n=5):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield dict.fromkeys(models, torch.randn(8, 3, 56, 56, generator=generator))


@pytest.mark.parametrize("layers", ["blocks", "all"])
def test_blocks_are_compared_whatever_the_layers(layers):
    names = {"vit": "vit_pocket_patch8_56", "cnn": "resnet_pocket", "vit_small": "vit_smallpocket_patch8_56"}
    models = {role: timm.create_model(name).eval() for role, name in names.items()}
    found = next(uniformity.measure_runs([models], minibatches, layers))
    array = found.arrays()["cka"]["vit_vit_small"]
    assert array.axes["vit_layer"] == [f"blocks.{i}" for i in range(8)]
    assert array.axes["vit_small_layer"] == [f"blocks.{i}" for i in range(6)]
    terms = found.terms()
    assert next(iter(terms)) == "M3" and terms["M3"].keys() == {("vit",), ("vit_small",)}
    assert sum(terms["M3"].values())[0] == pytest.approx(equal_depth_contrast(array.values))
    del models["vit_small"]
    alone = next(uniformity.measure_runs([models], minibatches, layers))
    assert "vit_vit_small" not in alone.arrays()["cka"] and list(alone.terms()) == list(terms)[1:]
    for part, own in alone.terms().items():
        np.testing.assert_allclose(list(own.values()), list(terms[part].values()), err_msg=part)
    for pair, other in alone.arrays()["cka"].items():
        np.testing.assert_allclose(found.arrays()["cka"][pair].values, other.values)


def test_a_vit_against_itself_is_brightest_at_equal_depth():
    vit = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval()
    models = {"vit": vit, "cnn": timm.create_model("resnet_pocket").eval(), "vit_small": vit}
    found = next(uniformity.measure_runs([models], minibatches, "all"))
    assert np.diag(found.arrays()["cka"]["vit_vit_small"].values) == pytest.approx(np.ones(8))
    assert min(sum(found.terms()["M3"].values())) > 0


def test_the_figure_marks_equal_depth():
    axes = {"vit_layer": list("abcdefgh"), "vit_small_layer": list("abcdef")}
    trained, control = ({"vit_vit_small": LabelledArray(axes, np.full((8, 6), v))} for v in (0.7, 0.2))
    left, right = size_plots.sizes(trained, control)
    assert (left.get_title(), right.get_title()) == ("trained", "random weights")
    assert left.lines[0].get_xdata().tolist() == [0.5, 1.5, 1.5, 2.5, 3.5, 4.5, 4.5, 5.5]
    assert right.images[0].get_array().mean() == pytest.approx(0.2)
    plt.close("all")


def test_equal_depth_is_the_diagonal_of_models_of_one_depth_and_the_same_both_ways():
    cka = np.random.default_rng(0).random((4, 7))
    assert equal_depth_cka(cka) == equal_depth_cka(cka.T)
    assert equal_depth_cka(cka[:, :4]) == pytest.approx(np.diag(cka[:, :4]).mean())
    assert equal_depth_cka(np.eye(5)) == 1


def test_every_layer_of_the_deeper_model_meets_the_nearest_of_the_other():
    """Depths 0, 1/3, 2/3, 1 meet 0, 0 or 1/2, 1/2, 1: of 1/3 it is 1/2, of 2/3 as well."""
    cka = np.array([[1.0, 0, 0], [0, 2, 0], [0, 4, 0], [0, 0, 8]])
    assert equal_depth_cka(cka) == pytest.approx(15 / 4)
