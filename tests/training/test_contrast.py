"""The losses of contrastive clustering, against loops written from their definition."""

import math

import pytest
import torch

from seelike.training.contrast import contrast, contrast_clusters, emptiness


def slowly(one, other, temperature):
    rows = [row / row.norm() for row in torch.cat([one, other])]
    n, total = len(one), 0.0
    for i, row in enumerate(rows):
        scores = [math.exp((row @ rows[j]).item() / temperature) for j in range(2 * n) if j != i]
        total -= math.log(math.exp((row @ rows[(i + n) % (2 * n)]).item() / temperature) / sum(scores))
    return total / (2 * n)


def test_contrast_is_its_definition():
    one, other = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 1.0):
        assert contrast(one, other, temperature).item() == pytest.approx(slowly(one, other, temperature), abs=1e-5)
    assert contrast(one, one, 0.5) < contrast(one, other, 0.5)
    torch.testing.assert_close(contrast(3 * one, other, 0.5), contrast(one, other, 0.5))


def test_full_clusters_cost_nothing_and_one_for_all_the_most():
    even, one = torch.eye(4).repeat(3, 1), torch.tensor([[1.0, 0, 0, 0]] * 4)
    assert emptiness(even).item() == pytest.approx(0, abs=1e-6)
    assert emptiness(one).item() == pytest.approx(math.log(4), abs=1e-6)


def test_clusters_that_agree_cost_less():
    scores = 5 * torch.eye(4).repeat(3, 1)
    assert contrast_clusters(scores, scores) < contrast_clusters(scores, scores.roll(1, 0))
    assert contrast_clusters(scores, scores) < contrast_clusters(torch.zeros(12, 4), torch.zeros(12, 4))
