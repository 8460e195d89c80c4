"""Distances between images in a layer, from its Gram matrix."""

import torch


def square_distances(grams: torch.Tensor) -> torch.Tensor:
    """‖xᵢ − xⱼ‖² = Kᵢᵢ + Kⱼⱼ − 2Kᵢⱼ, both (…, n, n); rounding below 0 is 0, and so is the diagonal.

    Args:
        grams: as `seelike.measures.cka.multiply` gives them; centred by `center` they have lost their diagonal.
    """
    norms = grams.diagonal(dim1=-2, dim2=-1)
    squares = (norms[..., :, None] + norms[..., None, :] - 2 * grams).clamp_min_(0)
    squares.diagonal(dim1=-2, dim2=-1).zero_()
    return squares


def list_pairs(squares: torch.Tensor) -> torch.Tensor:
    """What a symmetric matrix has of every pair of images, once: (…, n, n) → (…, n(n−1)/2)."""
    rows, columns = torch.triu_indices(*squares.shape[-2:], 1, device=squares.device)
    return squares[..., rows, columns]
