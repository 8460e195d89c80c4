"""Clusters: those that k-means finds, and how much clusters tell of labels, by scores that do not mind their names.

All scores are of a table of counts, as `count_pairs` gives it, so that draws of images can be left out of it.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

STARTS, ROUNDS = 10, 50  # of k-means


def count_pairs(clusters: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int] | None = None) -> np.ndarray:
    """How many of n things are of each cluster (rows) and of each label (columns), from (n,) and (n,) of each.

    Args:
        shape: how many clusters and labels there are; by default as many as there are numbers up to the highest.

    Raises ValueError if they are not of the same things.
    """
    if len(clusters) != len(labels) or not len(labels):
        raise ValueError(f"{len(clusters)} clusters cannot be compared with {len(labels)} labels")
    counts = np.zeros(shape or (int(clusters.max()) + 1, int(labels.max()) + 1))
    np.add.at(counts, (np.asarray(clusters), np.asarray(labels)), 1)
    return counts


def mutual_information(counts: np.ndarray) -> float:
    """Mutual information of two partitions over the mean of their entropies (NMI): 0 to 1; 0 for one part each."""
    clusters, labels, both = (_entropy(part / counts.sum()) for part in (counts.sum(1), counts.sum(0), counts))
    mean = (clusters + labels) / 2
    return float((2 * mean - both) / mean) if mean else 0.0


def rand_index(counts: np.ndarray) -> float:
    """Adjusted Rand index: of pairs of things, how often both partitions agree that they belong together or apart.

    1 for the same partitions, 0 for what chance would give; Hubert & Arabie 1985. 0 for one part each.
    """
    together, clusters, labels, all_pairs = (
        (each * (each - 1) / 2).sum() for each in (counts, counts.sum(1), counts.sum(0), counts.sum())
    )
    chance, most = clusters * labels / all_pairs, (clusters + labels) / 2
    return float((together - chance) / (most - chance)) if most > chance else 0.0


def matched_share(counts: np.ndarray) -> float:
    """The share of things whose cluster is that of their label, for the best matching of clusters with labels (ACC)."""
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())


SCORES = {"NMI": mutual_information, "ARI": rand_index, "ACC": matched_share}


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def find_means(features: torch.Tensor, k: int, seed: int = 0) -> torch.Tensor:
    """The cluster (n,) of each row of features (n, width) by k-means: the tightest of ten starts, k-means++ each."""
    rows, generator = features.double().cpu(), torch.Generator().manual_seed(seed)
    found = [_settle(rows, _start(rows, k, generator)) for _ in range(STARTS)]
    return min(found, key=lambda pair: pair[1])[0]


def _start(rows: torch.Tensor, k: int, generator: torch.Generator) -> torch.Tensor:
    """k rows, each drawn as often as the square of its distance to the nearest before it."""
    means = rows[torch.randint(len(rows), (1,), generator=generator)]
    while len(means) < k:
        gaps = torch.cdist(rows, means).min(1).values ** 2
        weights = gaps if gaps.sum() else torch.ones_like(gaps)
        means = torch.cat([means, rows[torch.multinomial(weights, 1, generator=generator)]])
    return means


def _settle(rows: torch.Tensor, means: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Clusters, and the sum of squared distances, after rounds of Lloyd's; a mean without rows stays."""
    for _ in range(ROUNDS):
        nearest = torch.cdist(rows, means).argmin(1)
        member = torch.nn.functional.one_hot(nearest, len(means)).to(rows)
        filled = member.sum(0) > 0
        moved = torch.where(filled[:, None], member.T @ rows / member.sum(0).clamp(min=1)[:, None], means)
        if torch.equal(moved, means):
            break
        means = moved
    gaps, nearest = torch.cdist(rows, means).min(1)
    return nearest, float((gaps**2).sum())
