"""How well features tell classes apart, without training: is an image's nearest neighbour of its own class?

The neighbour is the other image of largest cosine similarity (leave one out), the first of several. Images that are
alone in their class have no right answer and are not asked, but others may find them.
"""

import torch
from torch.nn.functional import normalize


def are_asked(labels: torch.Tensor) -> torch.Tensor:
    """Which of the images with these labels (n,) have another of their class: (n,) bool."""
    _, index, counts = labels.unique(return_inverse=True, return_counts=True)
    return counts[index] > 1


def accuracy(features: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of images whose neighbour is of their class, from features (n, d) and labels (n,).

    NaN if no image has another of its class.
    """
    unit = normalize(features.double(), dim=1)
    cosine = (unit @ unit.T).fill_diagonal_(-torch.inf)
    right = labels[cosine.argmax(1)] == labels
    return float(right[are_asked(labels)].double().mean())


def chance(labels: torch.Tensor) -> float:
    """What a neighbour drawn at random would get, for labels (n,)."""
    counts = (labels[:, None] == labels).sum(1)
    return float(((counts - 1.0) / (len(labels) - 1))[are_asked(labels)].mean())
