"""CKA with a radial basis function in the place of inner products: it sees near images rather than large directions.

Kornblith et al. (2019) take k(x, y) = exp(−‖x − y‖² / 2σ²), with σ a fraction of the median distance of two images: of
one half, as in their notebook. Here it is the median of a minibatch, over pairs of different images, and HSIC is
estimated without bias, as for linear CKA. It is as blind to the scale of a layer.
"""

import torch

from seelike.measures.cka import hsic
from seelike.measures.similarities.distances import list_pairs, square_distances

FRACTION = 0.5  # σ over the median distance


def multiply_kernels(grams: torch.Tensor) -> torch.Tensor:
    """HSIC₁ of the kernels: Gram matrices (layers, n, n) → (layers, layers)."""
    return hsic(apply_kernel(square_distances(grams)))


def apply_kernel(squares: torch.Tensor, fraction: float = FRACTION) -> torch.Tensor:
    """exp(−‖x − y‖² / 2σ²) of squared distances (…, n, n), σ being `fraction` of the median distance of each matrix.

    Where half of all pairs are one image twice, and the median is 0, these have 1 and all others 0.
    """
    median = list_pairs(squares).median(-1).values.clamp_min(torch.finfo(squares.dtype).tiny)
    return torch.exp(squares / (-2 * fraction**2 * median[..., None, None]))
