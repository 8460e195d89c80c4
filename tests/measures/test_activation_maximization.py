"""Pictures climb towards what a feature is known to respond to, and one seed gives one picture."""

import numpy as np
import pytest
import torch
from torch import nn

from seelike.measures import activation_maximization
from seelike.measures.activation_maximization import maximize


class Tokens(nn.Module):
    """A prefix token and a patch token, whose channels are the mean of red, that of −red, and columns that differ."""

    def __init__(self):
        super().__init__()
        self.wide, self.scale = nn.Identity(), nn.Parameter(torch.ones(()))

    def forward(self, images):
        red = images[:, 0].mean((1, 2))
        stripes = (images[..., ::2].mean((1, 2, 3)) - images[..., 1::2].mean((1, 2, 3))).abs()
        patch = torch.stack([red, -red, stripes], 1)
        return self.wide(self.scale * torch.stack([0 * patch, patch], 1))


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(activation_maximization, "STEPS", 30)


def climb(features, seed=0):
    return maximize(Tokens(), features, (8, 8), 1, lambda pictures: 2 * pictures - 1, seed)


def test_a_feature_of_red_makes_red_and_its_opposite_none():
    found = climb([("wide", 0), ("wide", 1)])
    assert found.pictures.shape == (2, 3, 8, 8)
    assert found.pictures[0, 0].mean() > 0.95 and found.pictures[1, 0].mean() < 0.05
    assert found.pictures[0, 1].mean() == pytest.approx(0.5, abs=0.1)  # green is left alone
    assert (found.after > found.before + 0.8).all()
    assert found.after == pytest.approx([1, 1], abs=0.1)


def test_one_seed_gives_one_picture_and_pictures_do_not_meet():
    alone, again, other = climb([("wide", 0)]), climb([("wide", 0)]), climb([("wide", 0)], seed=1)
    np.testing.assert_array_equal(alone.pictures, again.pictures)
    assert not np.array_equal(alone.pictures, other.pictures)


def test_the_model_is_left_as_it_was():
    model = Tokens().train()
    maximize(model, [("wide", 0)], (8, 8), 1, lambda pictures: pictures)
    assert model.training and model.scale.grad is None and not model.wide._forward_hooks
