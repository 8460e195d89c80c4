"""The losses of contrastive clustering (Ling et al. 2022; Li et al. 2021): no labels enter them."""

import math

import torch
from torch.nn.functional import cross_entropy, normalize

INSTANCE_TEMPERATURE, CLUSTER_TEMPERATURE = 0.5, 1.0


def contrast(one: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """Cross-entropy of each row's partner among all other rows of both, by cosine similarity.

    Args:
        one, other: (n, width); a row of one is the partner of the same row of the other.
    """
    rows = normalize(torch.cat([one, other]), dim=1)
    scores = rows @ rows.T / temperature
    scores = scores.masked_fill(torch.eye(len(rows), device=rows.device, dtype=torch.bool), float("-inf"))
    return cross_entropy(scores, torch.arange(len(rows), device=rows.device).roll(len(one)))


def contrast_clusters(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The contrast of clusters, as columns of the assignments of both views, and what keeps all of them filled.

    Args:
        one, other: scores (n, clusters) of the same images.
    """
    assigned = one.softmax(1), other.softmax(1)
    return contrast(*(each.T for each in assigned), CLUSTER_TEMPERATURE) + sum(map(emptiness, assigned))


def emptiness(assigned: torch.Tensor) -> torch.Tensor:
    """ln K less the entropy of the mean assignment: 0 where all of K clusters are equally full."""
    share = assigned.mean(0)
    return math.log(assigned.shape[1]) + torch.xlogy(share, share).sum()
