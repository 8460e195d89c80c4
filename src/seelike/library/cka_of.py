"""CKA of two feature matrices that one has already."""

import numpy as np
import torch

from seelike.measures.cka import CKA, MIN_IMAGES, gram
from seelike.measures.similarities.all_pairs import Similarity
from seelike.system.errors import Degenerate, InputError

Features = np.ndarray | torch.Tensor
LEAST = 1e-24  # of HSIC of a matrix with itself, relative to its squared spread: below it lies rounding


def cka_of(x: Features, y: Features) -> float:
    """Linear CKA of two feature matrices of the same n samples, HSIC estimated without bias, in float64.

    Args:
        x: (n, p) numbers, n ≥ 4, NumPy or torch.
        y: (n, q), the same samples in the same order.

    Returns:
        1 for features that differ by rotation, shift and scale; about 0, perhaps below, for unrelated ones.

    Raises InputError, which names `x` or `y`, for another shape, n that differs, fewer than four samples, values that
    are not finite, and features that tell no samples apart, of which CKA is not defined.

    >>> import numpy as np, seelike as sl
    >>> x = np.random.default_rng(0).normal(size=(50, 8))
    >>> round(sl.cka_of(x, 3 * x[:, ::-1] + 1), 6)
    1.0
    >>> sl.cka_of(x, x[:20])
    Traceback (most recent call last):
    seelike.system.errors.InputError: x and y must have the same number of rows, not 50 and 20
    """
    matrices = {name: _read(name, features) for name, features in (("x", x), ("y", y))}
    if len(matrices["x"]) != len(matrices["y"]):
        raise InputError(
            f"x and y must have the same number of rows, not {len(matrices['x'])} and {len(matrices['y'])}"
        )
    total = CKA()
    total.update({name: _center(name, matrix) for name, matrix in matrices.items()})
    return float(Similarity(total.layers, np.stack(total.minibatches)).values[0, 1])


def _read(name: str, features: Features) -> torch.Tensor:
    try:
        matrix = torch.as_tensor(features).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} must be a matrix of numbers, not {type(features).__name__}") from None
    if matrix.ndim != 2 or matrix.is_complex() or not matrix.numel():
        raise InputError(f"{name} must be a matrix of real numbers (n, features), not of shape {tuple(matrix.shape)}")
    if len(matrix) < MIN_IMAGES:
        raise InputError(f"{name} must have at least {MIN_IMAGES} rows, not {len(matrix)}")
    if not torch.isfinite(matrix).all():
        raise InputError(f"{name} must be finite: there are NaN or infinite values")
    return matrix.double()


def _center(name: str, matrix: torch.Tensor) -> torch.Tensor:
    """The centred Gram matrix; raises Degenerate where CKA is not defined."""
    scale = (matrix - matrix.mean(0)).square().sum()
    try:
        centred = gram(matrix)
    except Degenerate:
        raise Degenerate(f"{name} must not be constant: its rows are all the same, so CKA is not defined") from None
    if centred.square().sum() <= LEAST * scale**2:
        raise Degenerate(f"{name} has rows that are all equally far from one another, so CKA is not defined")
    return centred
