"""CKA: a hand-computed toy, a slow oracle from the formula, invariances and their limits, bad input."""

import pickle

import numpy as np
import pytest
import torch

from seelike.measures import cka
from seelike.measures.cka import CKA, gram, multiply
from seelike.measures.similarities import all_pairs
from seelike.system.errors import Degenerate, InputError


def hsic_from_formula(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. (2012), eq. 5, term by term in Python loops."""
    n = len(x)
    k = [[0.0 if i == j else float(x[i] @ x[j]) for j in range(n)] for i in range(n)]
    m = [[0.0 if i == j else float(y[i] @ y[j]) for j in range(n)] for i in range(n)]
    trace = sum(k[i][j] * m[j][i] for i in range(n) for j in range(n))
    sums = sum(map(sum, k)) * sum(map(sum, m)) / ((n - 1) * (n - 2))
    cross = sum(k[i][j] * m[j][q] for i in range(n) for j in range(n) for q in range(n)) * 2 / (n - 2)
    return (trace + sums - cross) / (n * (n - 3))


def cka_from_formula(batches_x, batches_y) -> float:
    pairs = list(zip(batches_x, batches_y, strict=True))
    xy = sum(hsic_from_formula(x, y) for x, y in pairs)
    xx = sum(hsic_from_formula(x, x) for x, _ in pairs)
    yy = sum(hsic_from_formula(y, y) for _, y in pairs)
    return xy / (xx * yy) ** 0.5


def measure(**layers) -> np.ndarray:
    """CKA of layers given as tensors (minibatches, n, features)."""
    accumulated = CKA()
    for batch in zip(*layers.values(), strict=True):
        accumulated.update(dict(zip(layers, map(gram, batch), strict=True)))
    return accumulated.result().values


def draw(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_hand_computed_toy():
    """Four points on a line, x = (1, −1, 0, 0)."""
    x = torch.tensor([[1.0], [-1.0], [0.0], [0.0]], dtype=torch.float64)
    # K off the diagonal: only K01 = K10 = −1. rows = (−1, −1, 0, 0), total −2, n = 4.
    # K̃01 = −1 + 1/2 + 1/2 − 2/6 = −1/3;  K̃23 = −2/6 = −1/3;  K̃02 = 0 + 1/2 + 0 − 1/3 = 1/6.
    expected = torch.full((4, 4), 1 / 6, dtype=torch.float64).fill_diagonal_(0)
    expected[0, 1] = expected[1, 0] = expected[2, 3] = expected[3, 2] = -1 / 3
    torch.testing.assert_close(gram(x), expected)


def test_agrees_with_the_slow_oracle(generator):
    x, y = draw(generator, 3, 7, 5) + 3, draw(generator, 3, 7, 9)
    y[..., :2] += x[..., :2] ** 2
    values = measure(x=x, y=y)
    assert values[0, 1] == pytest.approx(cka_from_formula(x.numpy(), y.numpy()), abs=1e-8)
    assert values[0, 1] == values[1, 0]


def test_float32_is_as_good_despite_a_large_mean(generator):
    x, y = draw(generator, 2, 32, 400), draw(generator, 2, 32, 300)
    y[..., :200] += 2 * x[..., :200]
    exact = measure(x=x, y=y)[0, 1]
    assert measure(x=(x + 1000).float(), y=(y - 300).float())[0, 1] == pytest.approx(exact, abs=2e-5)


def test_a_layer_in_pieces_is_the_same_layer(generator, monkeypatch):
    """Many pieces, the last of them short, against the product of the whole."""
    x = draw(generator, 8, 1000) + 100 * draw(generator, 1000)
    whole = gram(x)
    monkeypatch.setattr(cka, "PIECE", 8)
    assert cka._count_features(x) == 32 and len(x.split(32, 1)) == 32
    torch.testing.assert_close(gram(x), whole)
    torch.testing.assert_close(gram(x.float()), whole, rtol=1e-4, atol=1e-2)
    broken = x.clone()
    broken[3, 999] = torch.nan
    with pytest.raises(InputError, match="finite"):
        gram(broken)
    with pytest.raises(InputError, match="the same for every image"):
        gram(x[:1].repeat(8, 1))
    only_last = x[:1].repeat(8, 1)
    only_last[0, 999] += 1
    assert gram(only_last).abs().sum() > 0


def test_a_layer_is_like_itself(generator):
    values = measure(x=draw(generator, 2, 10, 6), y=draw(generator, 2, 10, 8))
    assert np.diag(values) == pytest.approx([1, 1], abs=1e-12)


def test_invariant_to_rotation_scale_and_shift_but_not_to_a_general_linear_map(generator):
    x = draw(generator, 3, 20, 6)
    orthogonal = torch.linalg.qr(draw(generator, 6, 6))[0]
    stretch = torch.diag(torch.tensor([30.0, 1, 1, 1, 1, 0.1], dtype=torch.float64))
    values = measure(x=x, rotated=x @ orthogonal, scaled=-7 * x, shifted=x + 5, stretched=x @ stretch)
    assert values[0, 1:4] == pytest.approx([1, 1, 1], abs=1e-10)
    assert values[0, 4] < 0.7


def test_independent_data_give_zero_where_the_biased_estimator_does_not(generator):
    x, y = draw(generator, 40, 16, 50), draw(generator, 40, 16, 50)
    unbiased = measure(x=x, y=y)[0, 1]
    centre = torch.eye(16, dtype=torch.float64) - 1 / 16

    def biased(a, b):
        return sum(torch.trace(centre @ p @ p.T @ centre @ q @ q.T).item() for p, q in zip(a, b, strict=True))

    assert abs(unbiased) < 0.05
    assert biased(x, y) / (biased(x, x) * biased(y, y)) ** 0.5 > 0.5


def test_sums_are_divided_once_not_averaged_over_minibatches(generator):
    x = draw(generator, 2, 8, 5)
    y = torch.stack([x[0] + 0.1 * draw(generator, 8, 5), 10 * draw(generator, 8, 5)])
    of_each = [measure(x=x[i : i + 1], y=y[i : i + 1])[0, 1] for i in range(2)]
    together = measure(x=x, y=y)[0, 1]
    assert together == pytest.approx(cka_from_formula(x.numpy(), y.numpy()), abs=1e-8)
    assert abs(together - np.mean(of_each)) > 0.05


def test_merge_is_the_same_as_one_run(generator):
    x, y = draw(generator, 4, 9, 5), draw(generator, 4, 9, 3)
    whole, one, other = CKA(), CKA(), CKA()
    for i in range(4):
        grams = {"x": gram(x[i]), "y": gram(y[i])}
        whole.update(grams)
        (other if i % 2 else one).update(grams)
    one.merge(other, CKA())  # a rank that got no images
    np.testing.assert_array_equal(one.result().values, whole.result().values)


def test_half_precision_is_raised(generator):
    x = draw(generator, 12, 40)
    torch.testing.assert_close(gram(x.half()), gram(x.half().float()))
    assert gram(x.half()).dtype == torch.float64


def test_products_are_centred_when_a_minibatch_is_added(generator):
    x, y = draw(generator, 2, 6, 5) + 3, draw(generator, 2, 6, 9)
    accumulated = CKA()
    for one, other in zip(x, y, strict=True):
        accumulated.update({"x": multiply(one), "y": multiply(other)})
    np.testing.assert_allclose(accumulated.result().values, measure(x=x, y=y), atol=1e-14)


@pytest.mark.parametrize("n_features", [5, 64, 1000, 20_000])
def test_half_precision_as_a_gpu_multiplies_it(generator, monkeypatch, n_features):
    """The products in parts of the features and the rest, which a CPU computes in float32 here."""
    for name in ("bmm", "mm"):
        monkeypatch.setattr(torch, name, lambda a, b, out_dtype=torch.float64: a.to(out_dtype) @ b.to(out_dtype))
    x = (torch.randn(6, n_features, generator=generator) + 1).bfloat16()
    found = cka._multiply_parts(x, max(64, n_features // 10), torch.float32)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, x.double() @ x.double().T, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(cka.center(found), gram(x.double()), rtol=0, atol=1e-5 * n_features)


def test_a_layer_that_nobody_has_looked_at_is_refused_by_its_name(generator):
    """On a GPU `multiply` refuses no values; products of other origin stand for that here."""
    fine = multiply(draw(generator, 5, 3))
    with pytest.raises(Degenerate, match="layer b.*the same for every image"):
        CKA().update({"a": fine, "b": torch.full((5, 5), 2.0, dtype=torch.float64)})
    with pytest.raises(InputError, match="layer b.*finite"):
        CKA().update({"a": fine, "b": fine * float("nan"), "c": fine})


def test_minibatches_that_wait_on_a_gpu_are_looked_at_in_the_end(generator, monkeypatch):
    """As of a GPU, from which a CPU differs in that none waits."""
    x, y = draw(generator, 4, 6, 5), draw(generator, 4, 6, 9)
    expected = measure(x=x, y=y)
    monkeypatch.setattr(all_pairs, "_count_ahead", lambda grams: 2)
    waiting, passed_on = CKA(), CKA()
    for one, other in zip(x, y, strict=True):
        for accumulated in (waiting, passed_on):
            accumulated.update({"x": multiply(one), "y": multiply(other)})
    passed_on = pickle.loads(pickle.dumps(passed_on))
    np.testing.assert_array_equal(passed_on.result().values, waiting.result().values)
    np.testing.assert_allclose(waiting.result().values, expected, atol=1e-14)
    assert len(waiting.minibatches) == 4
    waiting.update({"x": multiply(x[0]), "y": torch.full((6, 6), 2.0, dtype=torch.float64)})
    with pytest.raises(Degenerate, match="layer y.*the same for every image"):
        waiting.result()


@pytest.mark.parametrize("mean", [0, 1, 30, 3000])
def test_a_layer_is_centred_where_its_mean_would_drown_it(generator, monkeypatch, mean):
    """Of activations that vary about a mean of 3 or less, X Xᵀ itself is exact enough, and X is read once."""
    x, slow, centred = (torch.randn(16, 40_000, generator=generator) + mean).float(), cka._multiply_centred, []
    monkeypatch.setattr(cka, "_multiply_centred", lambda x: centred.append(1) or slow(x))
    exact = gram(x.double())
    found = gram(x)
    assert bool(centred) == (mean > 3)
    assert float((found - exact).norm() / exact.norm()) < 1e-5


@pytest.mark.parametrize(
    ("activations", "complaint"),
    [
        (torch.randn(3, 5), "at least 4 images"),
        (torch.ones(8, 5), "the same for every image"),
        (torch.full((64, 5000), 0.1), "the same for every image"),
        (torch.zeros(8, 5), "the same for every image"),
        (torch.tensor([[1.0], [2.0], [float("nan")], [0.0]]), "finite"),
        (torch.tensor([[1.0], [2.0], [float("inf")], [0.0]]), "finite"),
        (torch.randn(8, 5, 5), "shape"),
        (torch.ones(8, 5, dtype=torch.int64), "floating-point"),
        (torch.zeros(8, 0), "at least one an image"),
    ],
)
def test_refuses(activations, complaint):
    with pytest.raises(InputError, match=complaint):
        gram(activations)


def test_refuses_mismatched_counts_layers_and_no_minibatch(generator):
    cka = CKA()
    with pytest.raises(InputError, match="one full minibatch"):
        cka.result()
    with pytest.raises(InputError, match="numbers differ"):
        cka.update({"x": gram(draw(generator, 8, 5)), "y": gram(draw(generator, 9, 5))})
    cka.update({"x": gram(draw(generator, 8, 5)), "y": gram(draw(generator, 8, 5))})
    with pytest.raises(InputError, match="same layers"):
        cka.update({"x": gram(draw(generator, 8, 5))})
    other = CKA()
    other.update({"z": gram(draw(generator, 8, 5))})
    with pytest.raises(InputError, match="same layers"):
        cka.merge(other)
