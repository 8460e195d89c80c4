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
    trace = heatmaps.draw(toy()).data[0]
    assert list(trace.y) == ["low", "high"] and list(trace.x) == ["one", "two", "three"]
    assert trace.z[1][2] == pytest.approx(0.5)
    assert (trace.zmin, trace.zmax) == (0, 1)


def test_stages_end_between_cells():
    array = toy()
    array = replace(array, labelled=replace(array.labelled, boundaries=[1]))
    lines = heatmaps.draw(array).layout.shapes
    assert {line.y0 for line in lines} | {line.x0 for line in lines} >= {0.5}


@pytest.mark.parametrize(
    ("array", "title"),
    [
        (toy(), "ViT against CNN"),
        (toy("cka_random", "mixer"), "Mixer, random weights"),
        (toy(model="vit_vit_small"), "ViT against small ViT"),
        (toy(model="vit", chapter="skip_connections"), "intact"),
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
                    np.testing.assert_allclose(heatmaps.draw(array).data[0].z, labelled.values, atol=1e-6)


def test_the_script_hands_its_panels_to_the_page(tmp_path):
    heatmaps.write([toy(), toy()], "fig-toy", tmp_path / "sub" / "fig-toy.js")
    script = (tmp_path / "sub" / "fig-toy.js").read_text()
    label, panels = re.fullmatch(r"\(window\.seelikeHeatmaps \?\?= \{\}\)\[(.*?)\] = (.*);\n", script).groups()
    assert json.loads(label) == "fig-toy" and len(json.loads(panels)) == 2
