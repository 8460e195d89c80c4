"""Heads against low CNN layers: subsets in order, a rank correlation by hand, copies found."""

import numpy as np
import pytest
import timm
import torch

from seelike.measures import head_cka
from seelike.measures.head_cka import choose_subsets, rank_correlation
from seelike.system.errors import InputError


def test_subsets_go_from_local_to_global():
    assert choose_subsets(np.array([3.0, 1, 2, 4])) == [[1], [2], [0], [3]]
    assert choose_subsets(np.arange(6.0)[::-1]) == [[5, 4], [4, 3], [3, 2], [2, 1], [1, 0]]
    assert choose_subsets(np.array([1.0])) == [[0]]


def test_rank_correlation_by_hand():
    distances = np.array([1.0, 2, 3])
    falling, rising = np.array([[0.9], [0.5], [0.1]]), np.array([[0.1], [0.5], [0.9]])
    assert rank_correlation(distances, falling) == pytest.approx(-1)
    assert rank_correlation(distances, rising) == pytest.approx(1)
    assert rank_correlation(distances, np.array([[0.9], [0.1], [0.5]])) == pytest.approx(-0.5)
    assert np.isnan(rank_correlation(distances, np.ones((3, 1))))
    assert np.isnan(rank_correlation(distances[:2], falling[:2]))


def test_measures_every_subset_against_the_lowest_third():
    models = {
        role: timm.create_model(name).eval()
        for role, name in (("vit", "vit_pocket_patch8_56"), ("cnn", "resnet_pocket"))
    }
    x = torch.randn(40, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    found = head_cka.compare_heads(
        models, [{"vit": part, "cnn": part} for part in x.split(8)], np.array([4.0, 1, 2, 3])
    )
    assert found.values.shape == (4, 3)
    arrays = found.arrays()
    assert arrays["head_cka"]["vit_cnn"].axes["heads"] == ["heads 1", "heads 2", "heads 3", "heads 0"]
    assert arrays["head_distance"]["vit"].values.tolist() == [1, 2, 3, 4]
    estimate = found.estimates(0)["A3"]
    assert -1 <= estimate.low <= estimate.effect <= estimate.high <= 1
    same = {"vit": models["vit"], "cnn": models["vit"]}
    with pytest.raises(InputError, match="distances must be of the 4 heads"):
        head_cka.compare_heads(same, [{"vit": x[:8], "cnn": x[:8]}], np.ones(3))
