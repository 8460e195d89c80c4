"""Mutual nearest neighbours: how many of an image's nearest images in one layer are so in another, too?

With S(i) the k images nearest to image i of a minibatch of n, Huh et al. (2024) measure the share |S(i) ∩ S'(i)| / k,
mean over images. Layers with nothing in common share k/(n − 1) by chance, more in small minibatches. As CKA's unbiased
estimate is 0 for those, so is this: the product of two layers is the share less chance, so that

    similarity = (share − k/(n − 1)) / (1 − k/(n − 1)).
"""

import torch

from seelike.measures.similarities.distances import square_distances

NEIGHBOURS = 10  # as in the source, where an image's neighbours are among 1,024


def multiply_neighbours(grams: torch.Tensor) -> torch.Tensor:
    """The share of common neighbours less chance: Gram matrices (layers, n, n) → (layers, layers).

    The neighbours are ten, of small minibatches at most half of the other images; of equally near ones some are taken.
    """
    n = grams.shape[-1]
    k = count_neighbours(n)
    near = mark_nearest(square_distances(grams), k).flatten(1)
    return near @ near.T / (n * k) - k / (n - 1)


def count_neighbours(n_images: int) -> int:
    """How many neighbours an image has in a minibatch of n ≥ 3 images."""
    return min(NEIGHBOURS, (n_images - 1) // 2)


def mark_nearest(squares: torch.Tensor, k: int) -> torch.Tensor:
    """(…, n, n) distances → 1 for the k images nearest to each row's, itself not among them, 0 elsewhere."""
    n = squares.shape[-1]
    itself = torch.eye(n, dtype=torch.bool, device=squares.device)
    nearest = squares.masked_fill(itself, torch.inf).topk(k, largest=False).indices
    return torch.zeros_like(squares).scatter_(-1, nearest, 1)
