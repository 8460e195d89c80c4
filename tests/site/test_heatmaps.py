"""Heatmaps to hover over show what the picture shows: the same values, the same way up."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from seelike.results.labelled_array import LabelledArray
from seelike.results.runs import read_published
from seelike.site import heatmaps
from seelike.site.numbers import Array
from seelike.system.paths import RESULTS


def toy(measure: str = "cka", model: str = "vit_cnn", chapter: str = "uniformity") -> Array:
    axes = {"vit_layer": ["low", "high"], "cnn_layer": ["one", "two", "three"]}
    return Array(chapter, "pocket", measure, model, LabelledArray(axes, np.arange(6.0).reshape(2, 3) / 10))


def test_rows_go_up_and_columns_to_the_right():
    told = heatmaps.describe(toy())
    assert (told["up"], told["right"]) == (["low", "high"], ["one", "two", "three"])
    assert told["values"][1][2] == 0.5


def test_ends_of_stages_are_told_and_what_is_not_defined_is_null():
    array = toy()
    labelled = replace(array.labelled, boundaries=[1], values=np.array([[np.nan, 0.12349, 1], [0, 0, 0]]))
    told = heatmaps.describe(replace(array, labelled=labelled))
    assert told["boundaries"] == [1] and told["values"][0] == [None, 0.123, 1]


def test_colours_go_from_dark_to_bright():
    sums = [sum(colour) for colour in heatmaps.list_colours()]
    assert sums == sorted(sums) and sums[0] < 20 and sums[-1] > 600


@pytest.mark.parametrize(
    ("array", "title"),
    [
        (toy(), "ViT against CNN"),
        (toy("cka_random", "mixer"), "Mixer, random weights"),
        (toy(model="vit_vit_small"), "ViT against small ViT"),
        (toy(model="vit", chapter="skip_connections"), "intact"),
        (toy(chapter="hybrids"), "ViT against CNN"),
        (toy(model="vtcc_pocket_56.tag", chapter="hybrids"), "vtcc_pocket_56.tag"),
        (toy("cka_random", "vtcc_pocket_56.tag_cnn", "hybrids"), "vtcc_pocket_56.tag against CNN, random weights"),
    ],
)
def test_panels_are_called_as_in_the_picture(array, title):
    assert heatmaps.title_of(array) == title


def test_only_cka_of_layers_with_layers_can_be_hovered_over():
    assert heatmaps.is_heatmap(toy()) and not heatmaps.is_heatmap(toy("token_patch_cka"))


def test_every_published_heatmap_has_a_title_and_its_own_values(tmp_path):
    for chapter in ("uniformity", "mixer", "skip_connections"):
        for scale, result in read_published(chapter, RESULTS).items():
            for measure in set(heatmaps.MEASURES) & set(result.measures):
                for model, labelled in result.measures[measure].items():
                    array = Array(chapter, scale, measure, model, labelled)
                    assert heatmaps.title_of(array)
                    np.testing.assert_allclose(heatmaps.describe(array)["values"], labelled.values, atol=6e-4)


def test_the_script_hands_its_panels_to_the_page(tmp_path):
    heatmaps.write([toy(), toy()], "fig-toy", tmp_path / "sub" / "fig-toy.js")
    script = (tmp_path / "sub" / "fig-toy.js").read_text()
    label, told = re.fullmatch(r"\(window\.seelikeHeatmaps \?\?= \{\}\)\[(.*?)\] = (.*);\n", script).groups()
    assert json.loads(label) == "fig-toy" and len(json.loads(told)["panels"]) == 2
