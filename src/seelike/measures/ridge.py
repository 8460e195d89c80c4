"""Ridge regression, one problem or many alike at once, with one eigendecomposition for every penalty.

Notation: X (…, n, d) holds n rows of d features, Y (…, n, k) their targets, both less their means over the rows, so
that the intercept is free of the penalty λ. Leading axes are separate problems. The weights are

    W = (XᵀX + λI)⁻¹ Xᵀ Y = Xᵀ (XXᵀ + λI)⁻¹ Y,

the first form (primal) with a d×d matrix, the second (dual) with an n×n one. The smaller of the two is decomposed
into V diag(e) Vᵀ once; then for every λ the inverse is V diag(1/(e + λ)) Vᵀ. So does big_vision's few-shot evaluator.
For a single λ, Cholesky's decomposition gives the same for a tenth of the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Ridge:
    """A decomposed problem; `rows` are the centred X where the dual form was the smaller one."""

    mean: torch.Tensor  # (…, 1, d), of X
    center: torch.Tensor  # (…, 1, k), of Y
    eigenvalues: torch.Tensor  # (…, m), m = min(n, d)
    vectors: torch.Tensor  # (…, m, m), V
    right: torch.Tensor  # (…, m, k), Vᵀ Xᵀ Y, or Vᵀ Y in the dual form
    rows: torch.Tensor | None

    def weights(self, penalty: float | torch.Tensor) -> torch.Tensor:
        """W, (…, d, k), for one penalty, or for one of each problem: (…,)."""
        shift = self.eigenvalues + torch.as_tensor(penalty)[..., None]
        shrunk = self.vectors @ (self.right / shift[..., None])
        return shrunk if self.rows is None else self.rows.mT @ shrunk.to(self.rows.dtype)

    def predict(self, rows: torch.Tensor, penalty: float | torch.Tensor) -> torch.Tensor:
        """The targets of new rows (…, m, d) → (…, m, k)."""
        return self.center + (rows - self.mean) @ self.weights(penalty).to(rows.dtype)


@dataclass(frozen=True)
class Fitted:
    """The ridge regression for one penalty."""

    mean: torch.Tensor  # (…, 1, d), of X
    center: torch.Tensor  # (…, 1, k), of Y
    weights: torch.Tensor  # (…, d, k)

    def predict(self, rows: torch.Tensor) -> torch.Tensor:
        """The targets of new rows (…, m, d) → (…, m, k)."""
        return self.center + (rows - self.mean) @ self.weights.to(rows.dtype)


def decompose(x: torch.Tensor, y: torch.Tensor) -> Ridge:
    """The ridge regression of y (…, n, k) on x (…, n, d); products of x in its own precision, the rest in float64."""
    mean, center = x.mean(-2, keepdim=True), y.mean(-2, keepdim=True)
    x, square, right = _multiply(x - mean, (y - center).double())
    eigenvalues, vectors = torch.linalg.eigh(square)
    return Ridge(mean, center, eigenvalues, vectors, vectors.mT @ right, x)


def fit(x: torch.Tensor, y: torch.Tensor, penalty: float | torch.Tensor) -> Fitted:
    """The same for one penalty above 0, or for one of each problem: (…,)."""
    mean, center = x.mean(-2, keepdim=True), y.mean(-2, keepdim=True)
    rows, targets = x - mean, (y - center).double()
    try:
        weights = _solve(rows, targets, penalty)
    except torch.linalg.LinAlgError:  # the penalty is too small for products of single precision
        weights = _solve(rows.double(), targets, penalty)
    return Fitted(mean, center, weights)


def _solve(x: torch.Tensor, y: torch.Tensor, penalty: float | torch.Tensor) -> torch.Tensor:
    rows, square, right = _multiply(x, y)
    square.diagonal(dim1=-2, dim2=-1).add_(torch.as_tensor(penalty)[..., None])
    weights = torch.cholesky_solve(right, torch.linalg.cholesky(square))
    return weights if rows is None else rows.mT @ weights.to(rows.dtype)


def _multiply(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
    """The smaller of both forms of a centred problem: X in the dual form; the matrix less λI; what it is solved for."""
    if x.shape[-2] < x.shape[-1]:
        return x, (x @ x.mT).double(), y
    return None, (x.mT @ x).double(), x.mT.double() @ y


def choose_penalty(x: torch.Tensor, y: torch.Tensor, n_held_out: int, penalties: Sequence[float]) -> torch.Tensor:
    """For each problem the penalty, (…,), of the smallest squared error on the first rows, having seen the others."""
    ridge = decompose(x[..., n_held_out:, :], y[..., n_held_out:, :])
    held, known = x[..., :n_held_out, :], y[..., :n_held_out, :]
    errors = [(ridge.predict(held, penalty) - known).double().square().mean((-2, -1)) for penalty in penalties]
    return torch.tensor(penalties, dtype=torch.float64)[torch.stack(errors).argmin(0).cpu()].to(x.device)
