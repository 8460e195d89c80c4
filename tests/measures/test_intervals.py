"""Bootstrap intervals: their coverage, also for few minibatches, and the degenerate one."""

import math

import numpy as np
import pytest

from seelike.measures.intervals import Estimate, bootstrap, combine


def coverage(n_minibatches: int, trials: int = 150) -> float:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(trials):
        found = bootstrap(rng.standard_normal(n_minibatches), np.mean, seed=trial)
        hits += found.low <= 0 <= found.high
    return hits / trials


def test_covers_the_truth_as_often_as_it_says():
    assert 0.89 <= coverage(32) <= 0.99
    assert 0.88 <= coverage(5) <= 0.99


def test_is_wider_than_the_plain_percentile_interval_for_few_minibatches():
    values = np.random.default_rng(1).standard_normal(6)
    found = bootstrap(values, np.mean, seed=0)
    rng = np.random.default_rng(0)
    plain = np.quantile([values[rng.integers(6, size=6)].mean() for _ in range(1000)], [0.025, 0.975])
    assert found.low < plain[0] < values.mean() < plain[1] < found.high


def test_same_seed_same_interval():
    values = np.random.default_rng(1).standard_normal(10)
    assert bootstrap(values, np.mean, seed=3) == bootstrap(values, np.mean, seed=3)
    assert bootstrap(values, np.mean, seed=3) != bootstrap(values, np.mean, seed=4)


@pytest.mark.parametrize("n_minibatches", [1, 2, 4])
def test_too_few_minibatches_have_an_effect_but_no_interval(n_minibatches):
    found = bootstrap(np.full(n_minibatches, 2.0), np.mean, seed=0)
    assert found.effect == 2.0
    assert math.isnan(found.low) and math.isnan(found.high)


def test_runs_that_agree_keep_the_interval_of_their_images():
    run = Estimate(0.5, 0.4, 0.7)
    assert combine([run]) == run
    both = combine([run, run])
    assert (both.effect, both.low, both.high) == pytest.approx((0.5, 0.4, 0.7))


def test_the_luck_of_training_widens_the_interval():
    """Two runs, 0 and 1: s = √½, s/√2 = ½, and Student's t with one degree of freedom is tan(0.475 π)."""
    found = combine([Estimate(0.0, 0.0, 0.0), Estimate(1.0, 1.0, 1.0)])
    assert found.effect == 0.5
    assert found.high - found.effect == pytest.approx(0.5 * math.tan(0.475 * math.pi))
    images = combine([Estimate(0.0, -6.0, 8.0), Estimate(1.0, -5.0, 9.0)])
    assert images.effect - images.low == pytest.approx(math.hypot(6, found.high - found.effect))
    assert images.high - images.effect == pytest.approx(math.hypot(8, found.high - found.effect))


def test_covers_the_truth_over_images_and_runs():
    """Each of three runs is off by its own luck, all of them by that of the images they share."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(500):
        images, runs = rng.standard_normal(), rng.standard_normal(3)
        found = combine([Estimate(images + luck, images + luck - 1.96, images + luck + 1.96) for luck in runs])
        hits += found.low <= 0 <= found.high
    assert 0.93 <= hits / 500 <= 1


def test_what_one_run_cannot_tell_all_cannot():
    unknown = combine([Estimate(0.5, math.nan, math.nan), Estimate(0.7, 0.6, 0.8)])
    assert unknown.effect == pytest.approx(0.6) and math.isnan(unknown.low) and math.isnan(unknown.high)


def test_an_interval_ends_where_the_number_cannot_lie():
    assert Estimate(0.5, -2.0, 3.0).within(-1, 1) == Estimate(0.5, -1.0, 1.0)
    assert Estimate(0.5, 0.4, 0.6).within(-1, 1) == Estimate(0.5, 0.4, 0.6)
    assert math.isnan(Estimate(0.5, math.nan, math.nan).within(-1, 1).low)
