"""CKA of two matrices: the formula, invariances and their limits, and every refusal by name."""

import numpy as np
import pytest
import torch

import seelike as sl
from seelike.system.errors import InputError


def formula(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. (2012), eq. 5, with matrices of ones."""

    def hsic(a, b):
        n, one = len(a), np.ones(len(a))
        k, m = (z @ z.T * (1 - np.eye(n)) for z in (a, b))
        total = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(30, 6))


@pytest.fixture
def y(x):
    return np.hstack([x[:, :3] ** 2, np.random.default_rng(1).normal(size=(30, 2))])


def test_hand_computed_toy():
    """Four points on a line, (1, −1, 0, 0) and (1, 0, 0, −1): K̃ has −1/3 at two pairs, 1/6 at four."""
    x, y = np.array([[1.0], [-1], [0], [0]]), np.array([[1.0], [0], [0], [-1]])
    # No pair shares its −1/3: 2·(4·(−1/3)(1/6) + 2·(1/6)²) over 2·(2·(1/3)² + 4·(1/6)²) is −1/2.
    assert sl.cka_of(x, y) == pytest.approx(-0.5)


def test_agrees_with_the_formula_in_every_form(x, y):
    expected = formula(x, y)
    assert sl.cka_of(x, y) == pytest.approx(expected, abs=1e-12)
    assert sl.cka_of(torch.from_numpy(x).requires_grad_(), y) == pytest.approx(expected, abs=1e-12)
    assert sl.cka_of(x.astype(np.float32), y) == pytest.approx(expected, abs=1e-6)
    assert sl.cka_of((8 * x).round().astype(int), y) == pytest.approx(formula((8 * x).round(), y), abs=1e-12)


def test_invariant_to_rotation_scale_and_shift_but_not_to_stretching(x, y):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    assert sl.cka_of(-3 * x @ turn + 1e3, y) == pytest.approx(sl.cka_of(x, y), abs=1e-9)
    assert abs(sl.cka_of(x * [30, 1, 1, 1, 1, 1], y) - sl.cka_of(x, y)) > 0.01


def test_unrelated_features_of_any_width_give_about_zero():
    rng = np.random.default_rng(0)
    found = [sl.cka_of(rng.normal(size=(40, 500)), rng.normal(size=(40, 500))) for _ in range(20)]
    assert abs(np.mean(found)) < 0.05 and min(found) < 0


@pytest.mark.parametrize(
    "x, y, named",
    [
        (np.ones(5), np.ones((5, 2)), r"x .*\(5,\)"),
        (np.ones((5, 2, 2)), np.ones((5, 2)), "x .*shape"),
        (np.eye(5), np.eye(5)[:4], "x and y .*5 and 4"),
        (np.eye(3), np.eye(3), "x .*at least 4"),
        (np.arange(10.0).reshape(5, 2), np.full((5, 2), np.nan), "y must be finite"),
        (np.full((5, 2), np.inf), np.ones((5, 2)), "x must be finite"),
        (np.arange(10.0).reshape(5, 2), np.full((5, 2), 7.3), "y must not be constant"),
        (np.eye(5), np.arange(10.0).reshape(5, 2), "x has rows that are all equally far"),
        ([["a"] * 2] * 5, np.ones((5, 2)), "x must be a matrix of numbers"),
        (np.ones((5, 2), complex), np.ones((5, 2)), "x must be a matrix of real"),
        (np.ones((5, 0)), np.ones((5, 2)), r"x .*\(5, 0\)"),
    ],
)
def test_what_has_no_cka_is_refused(x, y, named):
    with pytest.raises(InputError, match=named):
        sl.cka_of(x, y)
