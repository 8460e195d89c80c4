"""Contrasts of equally distant layers: by hand, by loops, and blind to mere decay with depth."""

import math
from itertools import combinations

import numpy as np
import pytest

from seelike.measures import lag_contrast
from seelike.measures.lag_contrast import (
    best_split_contrast,
    boundary_contrast,
    find_split,
    place,
    split_contrasts,
    transfer_boundaries,
    weigh_pairs,
)


def parted(sizes, inside=0.9, across=0.2) -> np.ndarray:
    part = np.repeat(np.arange(len(sizes)), sizes)
    cka = np.where(part[:, None] == part, inside, across)
    cka[np.diag_indices(len(part))] = 1
    return cka


def decaying(n: int) -> np.ndarray:
    depth = np.arange(n)
    return np.exp(-abs(depth[:, None] - depth) / 3)


def random_cka(n: int) -> np.ndarray:
    cka = np.random.default_rng(0).random((n, n))
    return (cka + cka.T) / 2


def contrast_by_loops(cka, parts) -> float:
    """Inside − across at every distance that has both, weighted by nm/(n + m)."""
    n_layers, total, weights = len(cka), 0.0, 0.0
    for distance in range(1, n_layers):
        pairs = [(i, i + distance) for i in range(n_layers - distance)]
        inside = [cka[i, j] for i, j in pairs if parts[i] == parts[j]]
        across = [cka[i, j] for i, j in pairs if parts[i] != parts[j]]
        if inside and across:
            weight = len(inside) * len(across) / len(pairs)
            total += weight * (np.mean(inside) - np.mean(across))
            weights += weight
    return total / weights


def boundary_contrast_by_loops(cka, blocks, boundaries) -> float:
    def contrast(chosen):
        return contrast_by_loops(cka, [sum(block >= k for k in chosen) for block in blocks])

    everywhere = combinations(range(1, max(blocks) + 1), len(boundaries))
    return contrast(boundaries) - np.mean([contrast(chosen) for chosen in everywhere])


def test_contrast_by_hand():
    """Three layers, the first apart: only at distance 1 is one pair inside and one across."""
    parts = np.array([0, 1, 1])
    cka = np.array([[1, 0.3, 0.0], [0.3, 1, 0.8], [0.0, 0.8, 1]])
    assert lag_contrast.lag_contrast(cka, parts) == pytest.approx(0.5)
    assert weigh_pairs(parts)[0, 2] == 0


@pytest.mark.parametrize("parts", [[0, 0, 1, 1, 1, 2, 2], [0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 2, 3, 3]])
def test_contrast_agrees_with_loops(parts):
    cka = random_cka(7)
    assert lag_contrast.lag_contrast(cka, np.array(parts)) == pytest.approx(contrast_by_loops(cka, parts))


def test_contrast_is_that_of_parts_and_blind_to_what_distance_explains():
    assert lag_contrast.lag_contrast(parted([3, 3]), np.repeat([0, 1], 3)) == pytest.approx(0.7)
    both = parted([3, 3]) + decaying(6)
    assert lag_contrast.lag_contrast(both, np.repeat([0, 1], 3)) == pytest.approx(0.7)
    assert lag_contrast.lag_contrast(decaying(6), np.repeat([0, 1], 3)) == pytest.approx(0)
    assert lag_contrast.lag_contrast(parted([3, 3]), np.repeat([0, 1], [2, 4])) < 0.5  # a boundary moved


def test_true_boundaries_are_above_other_placements_and_a_decay_has_none():
    staged = parted([2, 3, 3])
    assert boundary_contrast(staged, np.arange(8), (2, 5)) > 0.3
    assert boundary_contrast(staged, np.arange(8), (1, 4)) < boundary_contrast(staged, np.arange(8), (2, 5))
    assert boundary_contrast(decaying(8), np.arange(8), (2, 5)) == pytest.approx(0)
    assert boundary_contrast(np.full((8, 8), 0.6), np.arange(8), (2, 5)) == pytest.approx(0)


@pytest.mark.parametrize("blocks", [np.arange(9), np.repeat(np.arange(5), [1, 2, 3, 2, 1])])
def test_boundaries_agree_with_loops(blocks):
    """Also where blocks hold several layers: no boundary lies inside one."""
    cka = random_cka(9)
    for boundaries in ((1,), (2, 4), (1, 2, 3)):
        expected = boundary_contrast_by_loops(cka, blocks.tolist(), boundaries)
        assert boundary_contrast(cka, blocks, boundaries) == pytest.approx(expected)


def test_blocks_are_no_stages():
    """Where layers of one block are alike, boundaries between blocks gain over those inside, stages or not."""
    blocks = np.repeat(np.arange(6), 3)
    alike = parted([3] * 6, inside=0.9, across=0.3)
    between_layers = boundary_contrast(alike, np.arange(18), (6, 12))
    assert between_layers > 0.02
    assert abs(boundary_contrast(alike, blocks, (2, 4))) < between_layers / 2


def test_no_boundary_and_parts_of_one_layer_have_no_contrast():
    assert math.isnan(boundary_contrast(random_cka(4), np.arange(4), ()))
    assert math.isnan(boundary_contrast(random_cka(4), np.arange(4), (1, 2, 3)))


def test_placements_are_all_or_evenly_spread():
    assert list(place(5, 2)) == list(combinations(range(1, 5), 2))
    everything = list(combinations(range(1, 12), 4))
    assert list(place(12, 4, most=330)) == everything  # 330 there are
    some = list(place(12, 4, most=110))
    assert some == everything[1::3]  # the middle one of every three
    assert len(set(place(200, 6, most=50))) == 50


def test_a_sample_of_placements_stands_for_all(monkeypatch):
    cka, blocks = parted([4, 4, 6]), np.arange(14)
    every = boundary_contrast(cka, blocks, (4, 8))
    monkeypatch.setattr(lag_contrast, "place", lambda n, k: place(n, k, most=26))  # of 78
    lag_contrast._mean_weights.cache_clear()
    assert boundary_contrast(cka, blocks, (4, 8)) == pytest.approx(every, abs=0.05)
    lag_contrast._mean_weights.cache_clear()


def test_the_best_split_is_found_and_measured():
    for k in (1, 2, 4):
        cka = parted([k, 8 - k])
        assert find_split(cka) == k
        contrasts = split_contrasts(cka)
        assert contrasts.max() == pytest.approx(0.7)
        assert best_split_contrast(cka) == pytest.approx(0.7 - contrasts.mean()) and contrasts.mean() < 0.6
    assert split_contrasts(parted([6, 2])).max() < 0.6  # the early part is to be the small one


def test_splits_agree_with_loops():
    cka = random_cka(7)
    expected = [contrast_by_loops(cka, [int(i >= k) for i in range(7)]) for k in (1, 2, 3)]
    assert split_contrasts(cka) == pytest.approx(expected)
    assert best_split_contrast(cka) == pytest.approx(max(expected) - np.mean(expected))
    assert find_split(cka) == np.argmax(expected) + 1


def test_a_slope_is_no_split_and_one_split_is_the_mean_of_all():
    assert best_split_contrast(decaying(9)) == pytest.approx(0)
    assert math.isnan(best_split_contrast(random_cka(3)))


def test_boundaries_are_moved_to_the_same_fractions_by_hand():
    """Boundaries at 0.2, 0.4, 0.7 of the depth; of four blocks the middles lie at 1/8, 3/8, 5/8, 7/8."""
    assert transfer_boundaries([2, 4, 7], 10, 4) == (1, 2, 3)
    assert transfer_boundaries([2, 4, 7], 10, 10) == (2, 4, 7)
    assert transfer_boundaries([2, 4, 7], 10, 8) == (2, 3, 6)


def test_boundaries_that_leave_no_block_on_one_side_are_left_out_and_none_stay_none():
    assert transfer_boundaries([1], 40, 3) == () and transfer_boundaries([39], 40, 3) == ()
    assert transfer_boundaries([], 10, 8) == ()
