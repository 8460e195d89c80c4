"""Bootstrap intervals: their coverage, also for few minibatches, and the degenerate one."""

import math

import numpy as np
import pytest

from seelike.intervals import bootstrap


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
