"""All ways of comparing layers come from one pass, and each is what it would be alone."""

import numpy as np
import pytest
import torch
from torch import nn

from seelike.activations.representation import pool
from seelike.measures.cka import multiply
from seelike.measures.layer_cka import JointCKA
from seelike.measures.layer_similarities import AllWays, Way, cut
from seelike.measures.runner import assemble, feed
from seelike.measures.similarities.choices import MEASURES

LAYERS = {"blocks": {"cnn": ("blocks.1",)}, "all": {"cnn": ("blocks.0", "blocks.1")}}


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.blocks = nn.ModuleList([nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)])

    def group_matcher(self, coarse=False):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        return self.blocks[1](self.blocks[0](x).relu())


def minibatches(size: int) -> list[dict[str, torch.Tensor]]:
    images = torch.randn(32, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return [{"cnn": part} for part in images.split(size)]


def compare(layers: dict, size: int = 16) -> dict:
    (cast,), batches = assemble([{"cnn": Two()}], minibatches(size))
    asked = AllWays(cast, layers, size)
    return {tuple(choices.values()): of for choices, of in asked.gather(feed(batches, cast))}


@pytest.fixture(scope="module")
def found():
    return compare(LAYERS)


def test_ways_are_crossed_but_for_the_dear_ones(found):
    every = [Way(*each) for each in found]
    assert len({(way.measure, way.layers) for way in every}) == 2 * len(MEASURES) - 1
    cka = [way for way in every if way.measure == "cka"]
    assert len(cka) == 2 * 3 * 2 and len([way for way in every if way.measure == "rsa"]) == 3 * 2 + 1
    assert [way for way in every if way.measure == "procrustes"] == [Way("procrustes", "blocks", "flattened", "whole")]


def test_whole_minibatches_of_all_that_layers_return_give_the_published_cka(found):
    (cast,), batches = assemble([{"cnn": Two()}], minibatches(16))
    alone = cast.compare(JointCKA.of(LAYERS["all"]))
    expected = feed(batches, cast)[alone]
    np.testing.assert_array_equal(found["cka", "all", "flattened", "whole"].values, expected.values)
    np.testing.assert_allclose(found["cka", "blocks", "flattened", "whole"].values, expected.values[1:, 1:])


@pytest.mark.parametrize("measure", ["cka", "rsa", "knn", "rbf_cka"])
def test_halves_are_minibatches_of_half_the_size(found, measure):
    small, halves = compare(LAYERS, 8), found[measure, "blocks", "pooled", "halves"]
    assert len(halves.products) == 4
    np.testing.assert_allclose(halves.products, small[measure, "blocks", "pooled", "whole"].products, rtol=1e-5)
    assert not np.allclose(halves.products, found[measure, "blocks", "pooled", "whole"].products.repeat(2, 0))


def test_minibatches_too_small_to_be_halved_are_not():
    assert {minibatch for *_, minibatch in compare(LAYERS, 4)} == {"whole"}


def test_of_a_single_set_of_layers_none_is_chosen():
    assert {len(choices) for choices in compare({"blocks": LAYERS["blocks"]})} == {3}


def test_representations_differ_and_pooled_is_the_mean_over_positions(found):
    assert not np.allclose(*(found["cka", "all", each, "whole"].values for each in ("flattened", "pooled")))
    np.testing.assert_array_equal(*(found["cka", "all", each, "whole"].values for each in ("CLS", "pooled")))
    model, images = Two(), minibatches(32)[0]["cnn"]
    kept = []
    model.blocks[0].register_forward_hook(lambda _, __, out: kept.append(pool(model, images)("blocks.0", out)))
    model(images)
    torch.testing.assert_close(kept[0], model.blocks[0](images).mean((2, 3)))


def test_parts_of_a_minibatch_are_blocks_on_the_diagonal_and_what_is_left_over_is_dropped():
    k = multiply(torch.randn(9, 5, dtype=torch.float64))
    first, second = cut(k[None], 2)
    assert torch.equal(first[0], k[:4, :4]) and torch.equal(second[0], k[4:8, 4:8])
