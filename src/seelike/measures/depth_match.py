"""The paper's discussion: do ViTs of different size resemble each other layer by layer? (Fig. G.2)

Depth is a block's position from the first, 0, to the last, 1. Each block of the large ViT has one block of the small
ViT at equal depth: the one nearest in depth, of two as near the lower.
"""

import numpy as np


def match_depth(n_large: int, n_small: int) -> np.ndarray:
    """(n_large,): for each block of the large ViT the block at equal depth of the small one; both have two or more."""
    large, small = np.linspace(0, 1, n_large), np.linspace(0, 1, n_small)
    apart = np.abs(large[:, None] - small[None, :])
    return apart.round(9).argmin(1)  # rounded, lest a tie be decided by the last bit


def equal_depth_contrast(cka: np.ndarray) -> float:
    """M3: mean CKA of the pairs at equal depth − of all other pairs, of (large blocks, small blocks)."""
    equal = np.zeros(cka.shape, bool)
    equal[np.arange(len(cka)), match_depth(*cka.shape)] = True
    return float(cka[equal].mean() - cka[~equal].mean())
