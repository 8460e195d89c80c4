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
    """M3: CKA of blocks at equal depth − at neighbouring depths, mean over the large ViT's blocks.

    Neighbouring are the small ViT's blocks just before and just after the one at equal depth, those that exist, by
    their mean.

    Args:
        cka: (large blocks, small blocks); the small ViT has two or more.
    """
    own = match_depth(*cka.shape)
    from_own = abs(np.arange(cka.shape[1]) - own[:, None])
    near = (cka * (from_own == 1)).sum(1) / (from_own == 1).sum(1)
    return float((cka[from_own == 0] - near).mean())


def equal_depth_cka(cka: np.ndarray) -> float:
    """CKA of layers at equal depth, mean over the layers of the model that has more; the same both ways.

    Args:
        cka: (layers of one model, layers of the other); each has two or more.
    """
    large = cka if cka.shape[0] >= cka.shape[1] else cka.T
    return float(large[np.arange(len(large)), match_depth(*large.shape)].mean())
