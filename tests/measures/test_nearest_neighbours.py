"""Nearest neighbours: against a toy by hand and a slow oracle, whatever the features' lengths, and where none exist."""

import math

import pytest
import torch

from seelike.measures.nearest_neighbours import accuracy, are_asked, chance

TOY = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [1.0, 1.1], [-1.0, 0.0]])
LABELS = torch.tensor([0, 0, 1, 1, 2])


def look_up_slowly(features: torch.Tensor, labels: torch.Tensor) -> float:
    """Image by image, as the words say it."""
    right = []
    for i, one in enumerate(features):
        others = [j for j in range(len(features)) if j != i]
        if not any(labels[j] == labels[i] for j in others):
            continue
        cosines = [float(one @ features[j] / (one.norm() * features[j].norm())) for j in others]
        right.append(float(labels[others[cosines.index(max(cosines))]] == labels[i]))
    return sum(right) / len(right)


def test_a_toy_by_hand():
    """The first two find each other; the third finds the fourth, the fourth the third; the last is alone."""
    assert are_asked(LABELS).tolist() == [True] * 4 + [False]
    assert accuracy(TOY, LABELS) == 1
    assert chance(LABELS) == pytest.approx(1 / 4)
    assert accuracy(TOY, torch.tensor([0, 1, 0, 1, 1])) == 0  # of whom the last finds the third


def test_the_slow_oracle_agrees(generator):
    features = torch.randn(40, 6, generator=generator)
    labels = torch.randint(0, 5, (40,), generator=generator)
    assert accuracy(features, labels) == pytest.approx(look_up_slowly(features, labels))


def test_lengths_do_not_count_and_a_shift_does():
    features, labels = torch.tensor([[1.0, 0.1], [2.0, -0.1], [-1.0, 0.1], [-3.0, -0.1]]), torch.tensor([0, 0, 1, 1])
    lengths = torch.tensor([[0.1], [7.0], [2.0], [0.3]])
    assert accuracy(features * lengths, labels) == accuracy(features, labels) == 1
    assert accuracy(features + torch.tensor([10.0, 0.0]), labels) == 0


def test_random_features_are_at_chance(generator):
    labels = torch.randint(0, 4, (800,), generator=generator)
    assert accuracy(torch.randn(800, 50, generator=generator), labels) == pytest.approx(chance(labels), abs=0.06)


def test_where_every_image_is_alone_there_is_no_number():
    assert math.isnan(accuracy(torch.eye(3), torch.arange(3)))
