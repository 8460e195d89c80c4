"""Jackknife intervals against closed forms; their coverage; trainings add what Welch's test adds."""

import math

import numpy as np
import pytest
from scipy import stats

from seelike.measures.intervals import MIN_DRAWS, Estimate, combine, estimate, jackknife, leave_out_each


def mean_of(values: np.ndarray) -> np.ndarray:
    return jackknife(len(values), lambda chosen: values[chosen].mean())


def covers(make, trials: int = 400) -> float:
    """In which share of trials an interval holds 0."""
    rng = np.random.default_rng(0)
    found = [make(rng) for _ in range(trials)]
    return np.mean([each.low <= 0 <= each.high for each in found])


def test_replicates_are_the_effect_of_all_draws_and_without_each():
    np.testing.assert_allclose(mean_of(np.array([1.0, 2.0, 6.0])), [3.0, 4.0, 3.5, 1.5])


def test_of_a_mean_it_is_students_interval():
    values = np.random.default_rng(1).standard_normal(12)
    low, high = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    found = estimate(mean_of(values))
    assert (found.effect, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert (found.error, found.freedom) == pytest.approx((stats.sem(values), 11))


@pytest.mark.parametrize("n_draws", [8, 30])
def test_of_a_ratio_it_covers_the_truth_as_often_as_it_says(n_draws):
    def ratio(rng) -> Estimate:
        pairs = 5 + rng.standard_normal((n_draws, 2)) + 2 * rng.standard_normal((n_draws, 1))
        return estimate(jackknife(n_draws, lambda chosen: pairs[chosen, 0].mean() / pairs[chosen, 1].mean() - 1))

    assert 0.92 <= covers(ratio) <= 0.98


def test_too_few_draws_have_an_effect_but_no_interval():
    for n_draws in (1, 2, MIN_DRAWS - 1):
        found = estimate(jackknife(n_draws, lambda chosen: 2.0))
        assert found.effect == 2.0
        assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.p_above(0.0))


def test_what_nothing_changes_is_known_exactly():
    found = estimate(np.full(9, 2.0))
    assert (found.low, found.high, found.p_above(1.0), found.p_above(2.0), found.p_below(3.0)) == (2, 2, 0, 1, 0)


def test_what_is_not_defined_has_no_interval():
    found = estimate(np.array([1.0, *[1.0] * 8, math.nan]))
    assert found.effect == 1.0 and math.isnan(found.low)


def test_trainings_of_two_models_add_up_as_in_welchs_test():
    """With draws that change nothing only trainings vary: scipy's unequal-variance t."""
    vit, cnn = np.array([0.5, 0.7, 0.9]), np.array([0.1, 0.2, 0.6, 0.3])
    still = [[np.full(10, value) for value in model] for model in (vit, -cnn)]
    found = combine({("vit",): still[0], ("cnn",): still[1]})
    expected = stats.ttest_ind(vit, cnn, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert (found.effect, found.low, found.high) == pytest.approx((vit.mean() - cnn.mean(), low, high))
    assert 2 * found.p_above(0.0) == pytest.approx(expected.pvalue)


def test_which_training_is_paired_with_which_does_not_matter():
    rng = np.random.default_rng(2)
    vit, cnn = rng.standard_normal((2, 3, 10))
    one, other = (combine({("vit",): vit, ("cnn",): shuffled}) for shuffled in (cnn, cnn[[2, 0, 1]]))
    assert (one.low, one.high) == pytest.approx((other.low, other.high))
    assert combine({("vit", "cnn"): vit + cnn}).low != pytest.approx(one.low)


def test_images_that_both_models_see_cancel_in_their_difference():
    noise = np.random.default_rng(3).standard_normal(10)
    found = combine({("vit",): [mean_of(0.3 + noise)], ("cnn",): [-mean_of(noise)]})
    assert (found.low, found.high) == pytest.approx((0.3, 0.3))
    assert estimate(mean_of(noise)).error > 0.1


def test_models_that_stand_in_twice_count_once():
    values = [np.full(10, value) for value in (0.0, 1.0, 1.0)]
    assert combine({("vit", "cut"): values}, {("vit", "cut"): 2}).freedom == 1
    assert combine({("vit", "cut"): values}, {("vit", "cut"): 1}).high == pytest.approx(2 / 3)
    assert combine({("vit", "cut"): values}).freedom == 2


@pytest.mark.parametrize("spread", [0.0, 0.3, 3.0])
def test_images_and_trainings_together_are_covered(spread):
    """Images that all models share, images' noise of each model's own, and trainings that differ."""

    def difference(rng) -> Estimate:
        shared, models = rng.standard_normal(10), spread * rng.standard_normal((2, 3))
        sides = [[mean_of(mean + shared + 0.5 * rng.standard_normal(10)) for mean in side] for side in models]
        return combine({("vit",): sides[0], ("cnn",): [-each for each in sides[1]]})

    assert 0.92 <= covers(difference) <= 0.995


def test_sums_without_each_draw_are_those_that_the_jackknife_takes():
    draws = np.random.default_rng(0).normal(size=(6, 2, 3))
    np.testing.assert_allclose([*leave_out_each(draws)], jackknife(6, lambda chosen: draws[chosen].sum(0)))
    np.testing.assert_array_equal([*leave_out_each(draws[:1])], draws[:1])
