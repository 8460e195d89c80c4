"""Heatmaps of results: what is drawn is the values, and the axes are named."""

import matplotlib
import numpy as np
import pytest
import timm
import torch

import seelike as sl
from seelike.activations.layers import Layer
from seelike.figures import labelled
from seelike.library.compare import LayerSimilarity
from seelike.measures.similarities import choices
from seelike.measures.similarities.all_pairs import Similarity
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError

matplotlib.use("agg")


def drawn(ax) -> np.ndarray:
    (shown,) = (*ax.images, *ax.collections)
    return np.asarray(shown.get_array()).reshape(-1)


def test_cka_of_two_models_names_both():
    rows, columns = (Layer("a", None), Layer("b", None)), (Layer("c", None),)
    hsic = np.array([[4.0, 2, 1], [2, 4, 3], [1, 3, 4]])
    result = LayerSimilarity(Similarity(("a", "b", "c"), hsic[None]), rows, columns, ("mine", "yours"))
    ax = sl.plot.heatmap(result, "two")
    assert drawn(ax) == pytest.approx([0.25, 0.75])
    assert "mine layer" in ax.get_ylabel() and "yours layer" in ax.get_xlabel() and ax.get_title() == "two"
    assert ax.images[0].get_clim() == (0, 1)


def test_any_other_quantity_has_its_own_range_and_units():
    array = LabelledArray({"block": ["one", "two"], "head": ["x", "y"]}, [[10, 20], [30, 50]], "px")
    ax = sl.plot.heatmap(array)
    assert drawn(ax) == pytest.approx([10, 20, 30, 50]) and ax.collections[0].get_clim() == (10, 50)
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("block", "head")
    assert ax.figure.axes[1].get_ylabel() == "px"


@pytest.mark.parametrize("result", [np.eye(3), None, [[1.0]]])
def test_what_is_no_result_is_refused(result):
    with pytest.raises(InputError, match=f"result must .*{type(result).__name__}"):
        sl.plot.heatmap(result)


def test_a_result_of_one_axis_is_refused():
    with pytest.raises(InputError, match="two axes.*layer"):
        sl.plot.heatmap(LabelledArray({"layer": ["a"]}, [1.0]))


def test_the_colour_bar_says_by_which_measure(generator):
    minibatches = torch.randn(8, 3, 56, 56, generator=generator).split(4)
    blocks = sl.compare(timm.create_model("vit_pocket_patch8_56.shapes"), minibatches, measure=tuple(labelled.MEASURES))
    labels = {measure: sl.plot.heatmap(each).figure.axes[1].get_ylabel() for measure, each in blocks.items()}
    assert labels == labelled.MEASURES
    assert tuple(labels) == tuple(choices.MEASURES)
