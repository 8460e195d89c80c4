"""Representational similarity analysis: do two layers rank pairs of images alike, from the nearest to the farthest?

Kriegeskorte, Mur & Bandettini (2008) compare the dissimilarities of all pairs of images in one layer with those in
another, by Spearman's rank correlation. Here dissimilarities are Euclidean distances (their squares have the same
ranks). Of a minibatch, the product of two layers is that of their ranks about the mean rank; ties have their mean rank.
"""

import torch

from seelike.measures.similarities.distances import list_pairs, square_distances


def multiply_ranks(grams: torch.Tensor) -> torch.Tensor:
    """Products of the centred ranks of distances: Gram matrices (layers, n, n) → (layers, layers).

    0 for a layer in which all images are equally far apart: its similarities are NaN.
    """
    ranks = rank(list_pairs(square_distances(grams)))
    centred = ranks - ranks.mean(-1, keepdim=True)
    return centred @ centred.T / centred.shape[-1]


def rank(values: torch.Tensor) -> torch.Tensor:
    """Ranks from 1 along the last axis, in float64; of equal values, all have the mean of theirs."""
    ordered = values.sort(-1).values
    below, up_to = (torch.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + up_to + 1).double() / 2
