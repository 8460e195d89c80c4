"""Position embeddings: neighbours by hand, embeddings of a known grid, chance, models that have none."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.activations.attention import Grid
from seelike.measures.position_similarity import are_neighbours, find_similarity
from seelike.system.errors import InputError

GRID = Grid(4, 5, 8, 8, 1)


class Embedded(nn.Module):
    def __init__(self, embeddings: torch.Tensor):
        super().__init__()
        self.pos_embed = nn.Parameter(embeddings)


def test_neighbours_by_hand():
    counts = are_neighbours(GRID).sum(1) - 1
    assert counts[0] == 3 and counts[1] == 5 and counts[6] == 8
    assert are_neighbours(GRID)[6].nonzero().flatten().tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12]


def test_embeddings_that_are_smooth_in_place_know_their_neighbours_and_shuffled_ones_do_not(generator):
    y, x = (each.flatten()[:, None] for each in torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij"))
    centres_y, centres_x = (
        each.flatten()[None] for each in torch.meshgrid(torch.arange(-2.0, 6), torch.arange(-2.0, 7), indexing="ij")
    )
    bumps = torch.exp(-((y - centres_y) ** 2 + (x - centres_x) ** 2) / 2)
    smooth = torch.cat([torch.randn(1, bumps.shape[1], generator=generator), bumps])[None]
    found = find_similarity(Embedded(smooth), GRID)
    assert found.values.shape == (20, 20) and np.diag(found.values) == pytest.approx(np.ones(20))
    shuffled = find_similarity(Embedded(smooth[:, [0, *(1 + torch.randperm(20, generator=generator)).tolist()]]), GRID)
    chance = (are_neighbours(GRID).sum(1) - 1).double().numpy() / 19
    assert found.shares.mean() > 0.9 - chance.mean() and abs(shuffled.shares.mean()) < 0.2
    assert found.replicates()[0] == pytest.approx(found.shares.mean()) and len(found.replicates()) == 21


def test_the_mean_embedding_and_the_scale_do_not_count(generator):
    own = torch.randn(1, 21, 8, generator=generator)
    changed = find_similarity(Embedded(3 * own + torch.randn(8, generator=generator)), GRID)
    np.testing.assert_allclose(changed.values, find_similarity(Embedded(own), GRID).values, atol=1e-5)


def test_maps_of_embeddings_and_embeddings_without_cls_are_read(generator):
    own = torch.randn(1, 21, 8, generator=generator)
    for other in (own[:, 1:], own[:, 1:].reshape(1, 4, 5, 8)):
        np.testing.assert_allclose(
            find_similarity(Embedded(other), GRID).values, find_similarity(Embedded(own), GRID).values
        )


def test_refuses_models_without_an_embedding_for_each_patch():
    with pytest.raises(InputError, match="must have position embeddings"):
        find_similarity(timm.create_model("resnet_pocket"), GRID)
    with pytest.raises(InputError, match="an embedding for each of 20 positions, not 7"):
        find_similarity(Embedded(torch.zeros(1, 7, 4)), GRID)


def test_four_neighbours_share_a_side():
    assert are_neighbours(GRID, 4)[6].nonzero().flatten().tolist() == [1, 5, 6, 7, 11]
    assert (are_neighbours(GRID, 4).sum(1) - 1).unique().tolist() == [2, 3, 4]


def test_as_they_are_embeddings_are_moved_by_their_mean(generator):
    own, moved = torch.randn(1, 21, 8, generator=generator), 10 * torch.randn(8, generator=generator)
    plain, shifted = (find_similarity(Embedded(each), GRID, centred=False).values for each in (own, own + moved))
    assert np.abs(shifted - plain).max() > 0.5 and shifted.min() > 0.5
    scaled = find_similarity(Embedded(3 * own), GRID, centred=False).values
    np.testing.assert_allclose(scaled, plain, atol=1e-6)


def test_replicates_are_of_the_neighbours_that_are_asked_for(generator):
    found = find_similarity(Embedded(torch.randn(1, 21, 8, generator=generator)), GRID)
    assert found.replicates(8)[0] == pytest.approx(found.shares.mean()) != found.replicates(4)[0]
