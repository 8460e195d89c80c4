"""How much more alike layers of the same part of a model are than layers of different parts, equally far apart.

Similarity decays with the distance in depth, also where there are no parts, and pairs of one part are nearer to each
other than pairs of two. So a pair i, j is compared with others of its distance only: with wᵢⱼ = 1 for pairs of one part
and 0 for others, and w̄ the mean of w over pairs of that distance,

    contrast = Σᵢⱼ (wᵢⱼ − w̄) CKAᵢⱼ / Σᵢⱼ (wᵢⱼ − w̄)².

That is the mean, over distances, of "inside − across": a distance with n pairs inside and m across weighs nm/(n + m)
(Mantel & Haenszel's weights, or least squares with a constant for every distance), and nothing where n or m is 0.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np

MOST_PLACEMENTS = 6000


def weigh_pairs(parts: np.ndarray) -> np.ndarray:
    """The weight of each pair in the contrast above, (layers, layers); NaN where no distance has both kinds.

    Args:
        parts: (layers,), what tells to which part a layer belongs.
    """
    apart = _find_distances(len(parts))
    inside = parts[:, None] == parts
    share = np.bincount(apart.ravel(), inside.ravel()) / np.bincount(apart.ravel())
    above = inside - share[apart]
    total = (above**2).sum()
    return above / total if total > 0 else np.full(above.shape, math.nan)


def lag_contrast(cka: np.ndarray, parts: np.ndarray) -> float:
    """The contrast above, of a model's own (layers, layers) CKA."""
    return float((_recall_weights(tuple(parts.tolist())) * cka).sum())


def boundary_contrast(cka: np.ndarray, blocks: np.ndarray, boundaries: tuple[int, ...]) -> float:
    """U2a: the contrast of parts that end at some boundaries, less its mean over all placements of as many.

    Boundaries lie between blocks, as those of stages do: layers of one block are alike, which makes no stage. Where
    there are more than 6,000 placements, as many of them are taken, evenly spread over their lexicographic order. NaN
    without a boundary, and for parts of one layer each.

    Args:
        cka: (layers, layers), a model's own.
        blocks: (layers,), the number of each layer's block, from 0, in order.
        boundaries: how many blocks lie before each boundary, rising.
    """
    if not 0 < len(boundaries) < len(blocks) - 1:
        return math.nan
    parts, blocks_of = _part(blocks, boundaries), tuple(blocks.tolist())
    weights = _recall_weights(tuple(parts.tolist())) - _mean_weights(blocks_of, len(boundaries))
    return float((weights * cka).sum())


def transfer_boundaries(boundaries: Sequence[int], n_blocks: int, n_other: int) -> tuple[int, ...]:
    """The boundaries of a model of `n_blocks` blocks at the same fractions of another of `n_other`, which has no parts.

    They are those between blocks of which the one below has its middle at a smaller fraction of the depth, the one
    above at a larger; those that would lie before the first block or after the last are left out.
    """
    middles = (np.arange(n_other) + 0.5) / n_other
    moved = np.unique(np.searchsorted(middles, np.array(boundaries) / n_blocks))
    return tuple(k for k in moved.tolist() if 0 < k < n_other)


def place(n_blocks: int, n_boundaries: int, most: int = MOST_PLACEMENTS) -> Iterator[tuple[int, ...]]:
    """All placements of boundaries between blocks, no two at one place; or `most` of them, evenly spread."""
    positions = n_blocks - 1
    n_placements = math.comb(positions, n_boundaries)
    if n_placements <= most:
        yield from combinations(range(1, n_blocks), n_boundaries)
        return
    for i in range(most):
        rank = (2 * i + 1) * n_placements // (2 * most)
        yield tuple(1 + position for position in _unrank(rank, positions, n_boundaries))


def split_contrasts(cka: np.ndarray) -> np.ndarray:
    """The contrast of two parts, the first k blocks and the rest, for 1 ≤ k ≤ blocks/2, of (blocks, blocks) CKA."""
    blocks = np.arange(len(cka))
    return np.array([lag_contrast(cka, blocks >= k) for k in range(1, len(cka) // 2 + 1)])


def find_split(cka: np.ndarray) -> int:
    """The k of the largest of them, the smallest if several are."""
    return int(np.argmax(split_contrasts(cka))) + 1


def best_split_contrast(cka: np.ndarray) -> float:
    """M1a: the largest of them, less their mean; NaN for fewer than four blocks, which have one split."""
    contrasts = split_contrasts(cka)
    return float(contrasts.max() - contrasts.mean()) if len(contrasts) > 1 else math.nan


@lru_cache(maxsize=64)
def _recall_weights(parts: tuple[int, ...]) -> np.ndarray:
    """`weigh_pairs`, worked out once."""
    return weigh_pairs(np.array(parts))


@lru_cache(maxsize=16)
def _mean_weights(blocks: tuple[int, ...], n_boundaries: int) -> np.ndarray:
    """The mean of `weigh_pairs` over all placements of boundaries: one w for each pair of blocks will do."""
    layers, n_blocks = np.array(blocks), blocks[-1] + 1
    apart = _find_distances(len(layers))
    pairs = np.zeros((len(layers), n_blocks**2))  # how many at each distance are of which two blocks
    np.add.at(pairs, (apart, layers[:, None] * n_blocks + layers), 1)
    n_pairs = pairs.sum(1)
    placements = list(place(n_blocks, n_boundaries))
    of_blocks, of_distances = np.zeros((n_blocks, n_blocks)), np.zeros(len(layers))
    for boundaries in placements:
        part = _part(np.arange(n_blocks), boundaries)
        inside = part[:, None] == part
        share = pairs @ inside.ravel() / n_pairs
        total = (n_pairs * share * (1 - share)).sum()
        of_blocks += inside / total
        of_distances += share / total
    return (of_blocks[np.ix_(layers, layers)] - of_distances[apart]) / len(placements)


def _find_distances(n_layers: int) -> np.ndarray:
    depth = np.arange(n_layers)
    return abs(depth[:, None] - depth)


def _part(blocks: np.ndarray, boundaries: tuple[int, ...]) -> np.ndarray:
    """The number of each block's part, from 0."""
    return np.searchsorted(boundaries, blocks, side="right")


def _unrank(rank: int, n: int, k: int) -> Iterator[int]:
    """The combination of k of the numbers below n that has this rank, from 0, in lexicographic order."""
    for number in range(n):
        following = math.comb(n - number - 1, k - 1) if k else 0  # combinations that take this number
        if k and rank < following:
            yield number
            k -= 1
        else:
            rank -= following
