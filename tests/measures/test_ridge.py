"""Ridge regression: the textbook's solution in both forms, batches, limits, and the choice of a penalty."""

import pytest
import torch

from seelike.measures.ridge import choose_penalty, decompose, fit


def problem(generator, n, d, k=2, *leading):
    x = torch.randn(*leading, n, d, generator=generator, dtype=torch.float64)
    return x, torch.randn(n, k, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("n", "d"), [(30, 5), (5, 30), (6, 6)])
def test_both_forms_are_the_ridge_of_the_textbook(generator, n, d):
    x, y = problem(generator, n, d)
    centred, target = x - x.mean(0), y - y.mean(0)
    expected = torch.linalg.solve(centred.T @ centred + 3 * torch.eye(d).double(), centred.T @ target)
    ridge = decompose(x, y)
    torch.testing.assert_close(ridge.weights(3.0), expected)
    assert (ridge.rows is None) == (n >= d)
    rows = problem(generator, 4, d)[0]
    torch.testing.assert_close(ridge.predict(rows, 3.0), (rows - x.mean(0)) @ expected + y.mean(0))


@pytest.mark.parametrize("d", [3, 40])
def test_many_problems_at_once_are_each_alone(generator, d):
    x, y = problem(generator, 12, d, 2, 4)
    penalties = torch.tensor([0.1, 1, 10, 100]).double()
    together = decompose(x, y).predict(x, penalties)
    for each, penalty, found in zip(x, penalties, together, strict=True):
        torch.testing.assert_close(found, decompose(each, y).predict(each, float(penalty)))
    chosen = choose_penalty(x, y, 4, (0.1, 10.0, 1000.0))
    assert chosen.tolist() == [float(choose_penalty(each, y, 4, (0.1, 10.0, 1000.0))) for each in x]


@pytest.mark.parametrize(("n", "d"), [(30, 5), (5, 30)])
def test_what_is_fitted_for_one_penalty_is_what_is_decomposed_for_all(generator, n, d):
    x, y = problem(generator, n, d, 2, 4)
    penalties = torch.tensor([0.1, 1, 10, 100]).double()
    torch.testing.assert_close(fit(x, y, penalties).predict(x), decompose(x, y).predict(x, penalties))
    torch.testing.assert_close(fit(x[0], y, 0.1).weights, decompose(x[0], y).weights(0.1))
    still = torch.zeros_like(x)
    torch.testing.assert_close(fit(still, y, 0.1).predict(x), y.mean(0).expand(4, n, 2))


@pytest.mark.parametrize(("n", "d"), [(50, 20), (20, 50)])
def test_a_penalty_below_the_rounding_of_single_precision_is_kept_to(generator, n, d):
    x = 1e4 * (problem(generator, n, 1)[0] + 1e-4 * problem(generator, n, d)[0])
    y = problem(generator, n, d)[1]
    single = x.float()
    assert torch.linalg.cholesky_ex((single.T @ single if d < n else single @ single.T).double())[1]
    found, expected = (fit(each, y, 0.1).predict(each).double() for each in (single, single.double()))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)


def test_a_small_penalty_fits_and_a_large_one_says_the_mean(generator):
    x, y = problem(generator, 20, 3)
    exact = x @ torch.ones(3, 2).double() + 5
    torch.testing.assert_close(decompose(x, exact).predict(x, 1e-9), exact)
    torch.testing.assert_close(decompose(x, y).predict(x, 1e12), y.mean(0).expand(20, 2), rtol=0, atol=1e-8)


def test_the_penalty_is_the_best_on_rows_held_out(generator):
    x, noise = problem(generator, 60, 40)
    plain = x @ torch.ones(40, 2).double()
    assert choose_penalty(x, plain, 12, (1e-3, 1e3)) == 1e-3
    assert choose_penalty(x, noise, 12, (1e-3, 1e3)) == 1e3
    penalties = (1.0, 10.0, 100.0)
    mixed = plain + 10 * noise
    errors = [(decompose(x[12:], mixed[12:]).predict(x[:12], p) - mixed[:12]).square().mean() for p in penalties]
    assert choose_penalty(x, mixed, 12, penalties) == penalties[int(torch.stack(errors).argmin())]


def test_single_precision_is_enough(generator):
    x, y = problem(generator, 8, 30)
    found = decompose(x.float(), y).predict(x.float(), 1.0)
    torch.testing.assert_close(found, decompose(x, y).predict(x, 1.0), rtol=1e-4, atol=1e-5)
