"""Blocks and stages, from the names that timm gives to layers."""

import matplotlib.pyplot as plt
import pytest

from seelike.figures.depths import mark_parts, name_parts
from seelike.results.runs import read_published
from seelike.system.paths import RESULTS


@pytest.mark.parametrize(
    ("layers", "parts"),
    [
        (["patch_embed.proj", "blocks.0.norm1", "blocks.0", "blocks.11.mlp.0", "norm"],
         [None, "block 0", "block 0", "block 11", None]),
        (["stem.conv", "stages.0.blocks.0.conv1", "stages.0.blocks.1", "stages.1.blocks.0"],
         [None, "stage 1", "stage 1", "stage 2"]),
        (["conv1", "bn1", "layer1.0.conv1", "layer1.0", "layer4.2.downsample.0"],
         [None, None, "stage 1", "stage 1", "stage 2"]),
        (["conv_stem", "blocks.0.0.conv_dw", "blocks.3.1"], [None, "stage 1", "stage 2"]),
        (["blocks.1", "blocks.0.attn", "blocks.1.attn"], ["block 1", "block 0", "block 1"]),
        (["backbone.stages.0.blocks.0", "backbone.stages.1.blocks.0", "patches.0", "blocks.0", "blocks.1"],
         ["stage 1", "stage 2", None, "block 0", "block 1"]),
        (["fc1", "fc2"], [None, None]),
    ],
)  # fmt: skip
def test_layers_are_of_blocks_or_of_stages(layers, parts):
    assert name_parts(layers) == parts


@pytest.mark.parametrize("chapter", ["uniformity", "mixer", "skip_connections"])
def test_published_heatmaps_have_blocks_of_vits_and_stages_of_cnns(chapter):
    for result in read_published(chapter, RESULTS).values():
        for pair, array in result.measures.get("cka", {}).items():
            for axis, layers in array.axes.items():
                known = [name for name in name_parts(layers) if name]
                model = axis.removesuffix("_layer") if axis.endswith("_layer") else pair
                assert len(known) > 0.8 * len(layers)
                assert {name.split()[0] for name in known} == {"stage" if model == "cnn" else "block"}, (axis, pair)


def marked(layers: list[str], model: str = "", panels: int = 1) -> tuple[list[float], list[str], str]:
    axis = plt.subplots(1, panels, squeeze=False)[1][0, 0].xaxis
    mark_parts(axis, layers, model)
    return list(axis.get_ticklocs()), [text.get_text() for text in axis.get_ticklabels()], axis.get_label_text()


def test_stages_and_blocks_of_one_model_are_told_apart():
    layers = ["backbone.stages.0.blocks.0", "backbone.stages.1.blocks.0", "patches.0", "blocks.0", "blocks.1"]
    assert marked(layers) == ([0.5, 1.5, 4], ["s1", "s2", "b0–1"], "stage, block, input → output")
    assert marked(layers[:-1])[:2] == ([0.5, 1.5, 3.5], ["s1", "s2", "b0"])


def test_names_stand_in_the_middle_of_their_cells():
    layers = ["stem.conv", "stages.0.blocks.0", "stages.0.blocks.1", "stages.1.blocks.0", "norm"]
    assert marked(layers, "CNN") == ([2, 3.5], ["1", "2"], "CNN stage, input → output")


def test_a_small_panel_has_a_short_label():
    assert marked(["blocks.0", "blocks.1"], "ViT", panels=4)[2] == "ViT block →"


def test_of_many_blocks_some_are_named():
    places, names, label = marked([f"blocks.{i}" for i in range(24)])
    assert names == [str(i) for i in range(0, 24, 3)] and places[1] == 3.5 and label == "block, input → output"


def test_layers_of_no_part_run_from_input_to_output():
    assert marked(["a", "b", "c"], "mine") == ([0.5, 2.5], ["input", "output"], "mine layer, input → output")
