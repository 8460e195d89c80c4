"""Shape bias by hand, and decisions among groups of classes."""

import numpy as np
import pytest
import torch

from seelike.measures.shape_bias import Decisions, Grouped


def test_the_share_for_shape_of_all_decisions_for_either():
    shape = np.array([True, True, False, False, False, True, False, False])
    texture = np.array([False, False, True, False, False, False, False, False])
    found = Decisions.of(shape, texture, 4)
    assert found.counts.tolist() == [[2, 0, 0], [0, 1, 1], [1, 0, 1], [0, 0, 2]]
    assert found.bias() == pytest.approx([3 / 4, 1 / 2, 1.0, 2 / 3, 3 / 4])
    assert found.array().values == pytest.approx([3 / 8, 1 / 8, 4 / 8])


def test_to_swap_the_cues_mirrors_the_bias():
    generator = np.random.default_rng(0)
    shape = generator.random(100) < 0.4
    texture = ~shape & (generator.random(100) < 0.5)
    assert Decisions.of(texture, shape, 10).bias() == pytest.approx(1 - Decisions.of(shape, texture, 10).bias())


def test_without_a_decision_for_either_there_is_no_bias():
    nothing = np.zeros(8, bool)
    assert np.isnan(Decisions.of(nothing, nothing, 4).bias()).all()


def test_a_group_decides_by_its_mean_probability():
    logits = torch.log(torch.tensor([[0.5, 0.1, 0.4, 0.0 + 1e-9], [0.1, 0.1, 0.1, 0.7]]))
    assert Grouped([[0, 1], [2]])(logits).tolist() == [1, 0]  # 0.3 against 0.4; then equal, the first
    assert Grouped([[0], [1], [2], [3]])(logits).tolist() == logits.argmax(1).tolist()


def test_the_surplus_for_shape_counts_all_pictures_and_turns_its_sign_with_the_cues():
    shape = np.array([True, True, False, False, False, True, False, False])
    texture = np.array([False, False, True, False, False, False, False, False])
    found = Decisions.of(shape, texture, 4).bias("all")
    assert found == pytest.approx([2 / 8, 0, 3 / 6, 1 / 6, 2 / 6])
    assert Decisions.of(texture, shape, 4).bias("all") == pytest.approx(-found)
    assert Decisions.of(np.zeros(8, bool), np.zeros(8, bool), 4).bias("all") == pytest.approx([0] * 5)
