"""The share of accuracy that is kept, by hand and where nothing can be lost."""

import numpy as np
import pytest

from seelike.measures.kept import replicate_kept


def test_a_half_of_what_a_model_can_do_beyond_chance():
    right, intact = np.array([0.4, 0.6]), np.array([0.8, 1.0])
    assert replicate_kept(right, intact, 0.1) == pytest.approx([0.4 / 0.8, 0.5 / 0.9, 0.3 / 0.7])


def test_all_none_and_less_than_none():
    intact = np.full(8, 0.9)
    for right, share in ((0.9, 1.0), (0.1, 0.0), (0.02, -0.1)):
        assert replicate_kept(np.full(8, right), intact, 0.1) == pytest.approx([share] * 9)


def test_a_share_is_the_same_for_a_model_that_can_do_half_as_much():
    right, intact = np.array([0.3, 0.5, 0.7]), np.array([0.7, 0.8, 0.9])
    halved = replicate_kept(0.1 + (right - 0.1) / 2, 0.1 + (intact - 0.1) / 2, 0.1)
    assert halved == pytest.approx(replicate_kept(right, intact, 0.1))
    assert halved != pytest.approx(replicate_kept(right / 2, intact / 2, 0.1))


def test_who_knows_nothing_has_nothing_to_lose():
    assert np.isnan(replicate_kept(np.full(8, 0.1), np.full(8, 0.15), 0.1)).all()
