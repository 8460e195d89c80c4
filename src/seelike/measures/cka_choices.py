"""The choices behind CKA, each varied alone on the same two layers.

Notation as in `seelike.measures.cka`. The biased estimate centres K with H = I − 11ᵀ/n, keeps its diagonal, and is
HSIC₀(K, L) = tr(K H L H)/(n−1)² (Gretton et al. 2005); the unbiased one is HSIC₁.
"""

from collections.abc import Callable

import numpy as np
import torch

from seelike.measures.cka import gram
from seelike.results.labelled_array import LabelledArray

SIZES = (8, 16, 32, 64, 128, 256, 512)  # images a minibatch
FACTORS = (1, 2, 5, 10, 20, 50, 100)  # by which one image's activations are scaled
SHARES = (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1)  # of a layer's features
DRAWS = 20  # of features, each with a seed of its own


def estimate(x: torch.Tensor, y: torch.Tensor, size: int, center: Callable = gram, averaged: bool = False) -> float:
    """CKA of x (n, features) and y (n, other features) from minibatches of `size` images; a short last one is dropped.

    Args:
        center: `gram` for the unbiased estimate, `biased_gram` for the biased one.
        averaged: take the mean of each minibatch's CKA, instead of one division of the sums.
    """
    sums = []
    for start in range(0, len(x) - size + 1, size):
        k, other = (center(z[start : start + size]).flatten() for z in (x, y))
        sums.append([float(k @ other), float(k @ k), float(other @ other)])
    across, one, two = np.array(sums if averaged else [np.sum(sums, 0)]).T
    return float((across / np.sqrt(one * two)).mean())


def biased_gram(x: torch.Tensor) -> torch.Tensor:
    """HKH of K = X Xᵀ, (n, n) float64, its diagonal included."""
    centred = (x - x.mean(0)).double()
    return centred @ centred.T


def by_size(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> dict[str, LabelledArray]:
    """Three estimators over the size of a minibatch; of the two layers, and of one with the other's images shuffled."""
    shuffled = y[torch.randperm(len(y), generator=generator)]
    sizes = [size for size in SIZES if 2 * size <= len(x)]
    ways = {
        "unbiased, sums divided once": {},
        "unbiased, mean of ratios": {"averaged": True},
        "biased, sums divided once": {"center": biased_gram},
    }
    values = {
        pair: [[estimate(x, other, size, **way) for size in sizes] for way in ways.values()]
        for pair, other in (("vit_cnn", y), ("unrelated", shuffled))
    }
    return {pair: LabelledArray({"estimator": ways, "minibatch": sizes}, own) for pair, own in values.items()}


def by_outlier(x: torch.Tensor, y: torch.Tensor) -> LabelledArray:
    """CKA where one image's distance from the mean image is scaled: in the ViT's layer alone, or in both."""
    n, far = len(x), [_push(z, factor) for factor in FACTORS for z in (x, y)]
    alone = [estimate(one, y, n) for one in far[::2]]
    both = [estimate(one, two, n) for one, two in zip(far[::2], far[1::2], strict=True)]
    return LabelledArray({"outlier": ["in one layer", "in both layers"], "factor": FACTORS}, [alone, both])


def by_sampling(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """CKA where only a random share of the ViT layer's features is kept, drawn anew each time."""
    values = [
        [estimate(x[:, torch.randperm(x.shape[1], generator=generator)[: max(1, round(share * x.shape[1]))]], y, len(x))
         for _ in range(DRAWS)]
        for share in SHARES
    ]  # fmt: skip
    return LabelledArray({"share": SHARES, "draw": range(DRAWS)}, values)


def by_transformation(x: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """CKA of a layer and the same layer transformed, in coordinates of its principal components."""
    mean = x.double().mean(0)
    u, s, _ = torch.linalg.svd(x.double() - mean, full_matrices=False)
    z = u * s  # the same layer, rotated: (n, n)
    rotation = torch.linalg.qr(torch.randn(len(s), len(s), generator=generator, dtype=torch.float64)).Q
    stretch = torch.logspace(-1, 1, len(s), dtype=torch.float64)[torch.randperm(len(s), generator=generator)]
    changed = {
        "rotated": z @ rotation,
        "scaled by 7": 7 * z,
        "shifted": z + 3 * s.max(),
        "each component scaled by 0.1 to 10": z * stretch,
        "first component only": z[:, :1],
        "first 10 components only": z[:, :10],
        "without the first 10 components": z[:, 10:],
        "images shuffled": z[torch.randperm(len(z), generator=generator)],
    }
    values = [estimate(z, other, len(z)) for other in changed.values()]
    return LabelledArray({"transformation": changed}, values)


def _push(x: torch.Tensor, factor: float) -> torch.Tensor:
    pushed, mean = x.clone(), x.mean(0)
    pushed[0] = mean + factor * (x[0] - mean)
    return pushed
