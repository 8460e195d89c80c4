"""Places between two ends by hand, their intervals against a slow scan, and where there is none."""

import numpy as np
import pytest

from seelike.measures.between import (
    CNN_SIDE,
    FURTHEST,
    LIKE_CNN,
    LIKE_VIT,
    NEITHER,
    NOT_SHOWN,
    VIT_SIDE,
    cross_scores,
    estimate_crossed,
    estimate_place,
    name_side,
)

DRAWS = 12


def draw(mean: float, spread: float = 0.01, trainings: int = 1, seed: int = 0) -> np.ndarray:
    """(trainings, DRAWS + 1) replicates: of each training the mean of its own draws, then without each of them."""
    generator = np.random.default_rng(seed)
    draws = mean + spread * generator.standard_normal((trainings, DRAWS))
    without = [np.delete(draws, i, axis=1).mean(1) for i in range(DRAWS)]
    return np.stack([draws.mean(1), *without], axis=1)


def place(system: float, vit: float, cnn: float, spread: float = 0.01, trainings: int = 1):
    numbers = (draw(mean, spread, trainings, seed) for seed, mean in enumerate((system, vit, cnn)))
    return estimate_place(*cross_scores(*numbers))


@pytest.mark.parametrize(("system", "expected"), [(0.2, 0), (0.8, 1), (0.5, 0.5), (1.1, 1.5), (-0.4, -1)])
def test_places_by_hand(system, expected):
    found = place(system, 0.8, 0.2, spread=1e-9)
    assert (found.effect, found.low, found.high) == pytest.approx((expected,) * 3, abs=1e-6)


def test_it_does_not_matter_which_end_has_more_of_a_trait():
    numbers = [draw(mean, seed=seed) for seed, mean in enumerate((0.5, 0.8, 0.2))]
    there, turned = (estimate_place(*cross_scores(*(sign * each for each in numbers))) for sign in (1, -1))
    assert (there.effect, there.low, there.high) == pytest.approx((turned.effect, turned.low, turned.high))


def test_swapped_ends_turn_the_scale_around():
    system, vit, cnn = (draw(mean, seed=seed) for seed, mean in enumerate((0.6, 0.8, 0.2)))
    found, swapped = estimate_place(*cross_scores(system, vit, cnn)), estimate_place(*cross_scores(system, cnn, vit))
    assert (found.effect, found.low, found.high) == pytest.approx(
        (1 - swapped.effect, 1 - swapped.high, 1 - swapped.low)
    )


@pytest.mark.parametrize("trainings", [1, 3])
def test_the_interval_holds_the_places_that_a_slow_scan_does_not_exclude(trainings):
    numbers = [draw(mean, 0.05, trainings, seed) for seed, mean in enumerate((0.6, 0.8, 0.2))]
    ahead, gap = cross_scores(*numbers)
    found = estimate_place(ahead, gap)
    scan = np.linspace(-1, 3, 4001)
    left = [estimate_crossed(ahead - p * gap) for p in scan]
    kept = scan[[each.low <= 0 <= each.high for each in left]]
    assert (found.low, found.high) == pytest.approx((kept[0], kept[-1]), abs=2e-3)
    assert found.low < found.effect < found.high


def test_the_sum_of_every_training_with_every_other_is_that_of_their_means():
    numbers = [draw(mean, 0.05, 3, seed) for seed, mean in enumerate((0.6, 0.8, 0.2))]
    ahead, gap = cross_scores(*numbers)
    assert ahead.shape == (3, 3, 3, DRAWS + 1) and gap.shape == (3, 3, DRAWS + 1)
    s, v, c = (each[:, 0].mean() for each in numbers)
    assert estimate_place(ahead, gap).effect == pytest.approx((s - c) / (v - c))


def test_where_the_ends_do_not_differ_there_is_no_place():
    assert np.isnan(place(0.5, 0.4, 0.4, spread=0.05).effect)
    assert np.isnan(
        estimate_place(*cross_scores(*(draw(m, seed=i)[:, :5] for i, m in enumerate((0.6, 0.8, 0.2))))).effect
    )


def test_an_interval_that_goes_on_ends_far_from_the_place():
    """The ends differ so little that a far system could be almost anywhere on their side."""
    vit, cnn = draw(0.1, 0.12, seed=5), draw(0.0, 0.0)
    found = estimate_place(*cross_scores(draw(3.0, 1e-6), vit, cnn))
    assert found.high == found.effect + FURTHEST > 0


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.7, 1.9, LIKE_VIT),
        (-0.9, 0.3, LIKE_CNN),
        (0.4, 0.6, NEITHER),
        (0.6, 0.9, VIT_SIDE),
        (2.5, 9.0, VIT_SIDE),
        (0.1, 0.45, CNN_SIDE),
        (-5.0, -2.0, CNN_SIDE),
        (0.3, 0.6, NOT_SHOWN),
        (np.nan, np.nan, NOT_SHOWN),
    ],
)
def test_words_are_of_the_whole_interval(low, high, said):
    assert name_side(low, high) == said


@pytest.mark.parametrize("place", np.linspace(-3, 4, 29))
def test_like_is_at_least_twice_as_near(place):
    near = {LIKE_VIT: 2 * abs(place - 1) <= abs(place), LIKE_CNN: 2 * abs(place) <= abs(place - 1)}
    assert all((name_side(place, place) == side) == own for side, own in near.items())
