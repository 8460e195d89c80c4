"""Orthogonal Procrustes: how well one layer can be rotated onto another.

Both centred and scaled to norm 1, the smallest distance that a rotation R leaves is ‖X − YR‖² = 2 − 2‖XᵀY‖₊, with ‖·‖₊
the nuclear norm, the sum of singular values. The similarity is that norm,

    ‖XᵀY‖₊ / (‖X‖ ‖Y‖),

the cosine of the **angular shape distance** (Williams et al. 2021): its arc cosine is a metric. The singular values are
the roots of the eigenvalues of FᵀLF, where K = FFᵀ and L are the centred Gram matrices: as many as K has rank, which is
less than there are images, and no more than there are features. The layer of the lower rank is taken for K.

Unlike CKA's, the terms are not squared, so that small directions count as well; and no correction is known for few
images: n images in more than n directions can be rotated far onto any others. The similarity is high by chance, the
less so the more images a minibatch has.
"""

from concurrent.futures import ThreadPoolExecutor

import torch

LEAST = 1e-13  # of the largest eigenvalue: what is below it is rounding


def multiply_shapes(grams: torch.Tensor) -> torch.Tensor:
    """‖XᵀY‖₊ of all pairs, X and Y centred: Gram matrices (layers, n, n) → (layers, layers)."""
    centred = centre_whole(grams).nan_to_num_()  # `AllPairs` refuses what is not finite
    factors = factorize(centred)
    order = sorted(range(len(factors)), key=lambda layer: factors[layer].shape[1])
    norms = torch.diag(centred.diagonal(dim1=1, dim2=2).sum(1))

    def fill(place: int) -> None:
        layer, others = order[place], order[place + 1 :]
        norms[layer, others] = norms[others, layer] = sum_roots(factors[layer], centred[others])

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(fill, range(len(order) - 1)))
    return norms


def centre_whole(grams: torch.Tensor) -> torch.Tensor:
    """H K H with H = I − 11ᵀ/n, (…, n, n): the Gram matrices of activations less their mean, the diagonal included."""
    rows = grams.mean(-1, keepdim=True)
    return grams - rows - rows.mT + rows.mean(-2, keepdim=True)


def factorize(grams: torch.Tensor) -> list[torch.Tensor]:
    """F with FFᵀ = K of each of (layers, n, n) positive semidefinite matrices, (n, rank)."""
    values, vectors = torch.linalg.eigh(grams)
    kept = values > LEAST * values[:, -1:]
    return [v[:, own] * w[own].sqrt() for w, v, own in zip(values, vectors, kept, strict=True)]


def sum_roots(factor: torch.Tensor, grams: torch.Tensor) -> torch.Tensor:
    """The sum of the roots of the eigenvalues of FᵀLF for each L of (layers, n, n)."""
    return torch.linalg.eigvalsh(factor.T @ grams @ factor).clamp_min_(0).sqrt_().sum(-1)
