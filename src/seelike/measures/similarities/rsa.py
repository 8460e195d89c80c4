"""Representational similarity analysis: do two layers rank pairs of images alike, from the nearest to the farthest?

Kriegeskorte, Mur & Bandettini (2008) compare the dissimilarities of all pairs of images in one layer with those in
another, by Spearman's rank correlation. Here dissimilarities are Euclidean distances (their squares have the same
ranks). Of a minibatch, the product of two layers is that of their ranks about the mean rank; ties have their mean rank.
"""

import torch
from torch.nn.functional import pad

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
    ordered, order = values.sort(-1)
    places = _share_places(ordered) if (ordered[..., 1:] == ordered[..., :-1]).any() else _count(ordered)
    return torch.empty_like(values, dtype=torch.float64).scatter_(-1, order, places.double() + 1)


def _share_places(ordered: torch.Tensor) -> torch.Tensor:
    """The mean place, from 0, of each of sorted values and its equals."""
    places, differs = _count(ordered), ordered[..., 1:] != ordered[..., :-1]
    first, last = (pad(differs, sides, value=True) for sides in ((1, 0), (0, 1)))
    below = places.where(first, 0).cummax(-1).values
    up_to = places.where(last, ordered.shape[-1]).flip(-1).cummin(-1).values.flip(-1)
    return (below + up_to).double() / 2


def _count(values: torch.Tensor) -> torch.Tensor:
    return torch.arange(values.shape[-1], device=values.device).expand_as(values)
