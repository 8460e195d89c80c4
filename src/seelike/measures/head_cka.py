"""Section 5 of the paper: do local heads make what a ResNet's lower layers make?

The heads of a ViT's first block are sorted from the most local to the most global. Subsets of neighbours in that
order, each head's own output before the mixing projection, are compared by CKA with the lower layers of a CNN
(Fig. 5).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import nn

from seelike.activations.attention import find_attention, reading_heads
from seelike.activations.flattened import stream
from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import find_layers, naming
from seelike.measures.cka import CKA, Similarity, gram, token_grams
from seelike.measures.intervals import Estimate
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import Degenerate, InputError


def choose_subsets(distances: np.ndarray) -> list[list[int]]:
    """Neighbouring heads, a third of them at a time, from the most local to the most global.

    Args:
        distances: (heads,) mean attention distance.
    """
    size = max(1, len(distances) // 3)
    order = np.argsort(distances, kind="stable").tolist()
    return [order[start : start + size] for start in range(len(order) - size + 1)]


def compare_heads(
    models: dict[str, nn.Module], minibatches: Iterable[dict[str, torch.Tensor]], distances: np.ndarray
) -> "HeadSimilarity":
    """Pass the images once through both models and compare subsets of heads with low CNN blocks.

    Args:
        models: {"vit": …, "cnn": …}.
        minibatches: of the same images for both, {"vit": (n, 3, h, w), "cnn": (n, 3, h, w)}.
        distances: (heads,) mean attention distance of the ViT's first block, in pixels.
    """
    heads = Heads()
    for images in minibatches:
        (first,) = read_once(models["vit"], images["vit"], heads.reading(models["vit"]))
        heads.update(first, heads.read_low(models["cnn"], images["cnn"]))
    return heads.result(distances)


class Heads:
    """Accumulator of HSIC₁ between every head of a ViT's first block and the lowest third of a CNN's blocks.

    Which heads are neighbours is known at the end only. That is early enough: the Gram matrix of several heads side by
    side is the sum of their own, so HSIC₁ of two subsets is the sum over all pairs of their heads.
    """

    def __init__(self):
        self.cka = CKA()
        self.low: list[str] = []

    def reading(self, vit: nn.Module) -> Reading:
        """The centred Gram matrix of each head of the first block, in one entry: (heads, n²)."""
        reduce = lambda heads: token_grams(heads.transpose(0, 1).flatten(2))  # noqa: E731
        return reading_heads(vit, next(iter(find_attention(vit))), reduce)

    def read_low(self, cnn: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Pass images (n, 3, height, width) once through the CNN: block → centred Gram matrix."""
        if not self.low:
            names = [layer.name for layer in find_layers("cnn", cnn, "blocks", images[:1])]
            self.low = names[: max(1, len(names) // 3)]
        with naming("cnn", cnn):
            (seen,) = stream(cnn, [images], self.low, gram)
        return seen

    def update(self, heads: dict[str, torch.Tensor], low: dict[str, torch.Tensor]) -> None:
        """Add one minibatch, as `reading` and `read_low` have read it."""
        (grams,) = heads.values()
        n = len(next(iter(low.values())))
        self.cka.update({f"head {i}": k.view(n, n) for i, k in enumerate(grams)} | low)

    def merge(self, *others: "Heads") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.low = next((each.low for each in (self, *others) if each.low), [])
        self.cka.merge(*(other.cka for other in others))

    def result(self, distances: np.ndarray) -> "HeadSimilarity":
        """The subsets that `distances` (heads,) tell; raises InputError for another number of heads."""
        single = self.cka.result()
        n_heads = len(single.layers) - len(self.low)
        if n_heads != len(distances):
            raise InputError(f"distances must be of the {n_heads} heads of the first block, not {len(distances)}")
        subsets = choose_subsets(distances)
        members = np.zeros((len(subsets) + len(self.low), len(single.layers)))
        for row, subset in enumerate([*subsets, *([n_heads + i] for i in range(len(self.low)))]):
            members[row, subset] = 1
        hsic = members @ single.hsic @ members.T
        if not np.diagonal(hsic, axis1=1, axis2=2).all():
            raise Degenerate(
                "heads of the first block are the same for every image of a minibatch, so CKA is not defined"
            )
        similarity = Similarity((*map(_label, subsets), *self.low), hsic)
        return HeadSimilarity(subsets, np.array([distances[subset].mean() for subset in subsets]), similarity)


@dataclass(frozen=True)
class HeadSimilarity:
    """CKA of subsets of heads with low CNN layers, which follow them in `similarity`; `distances` in pixels."""

    subsets: list[list[int]]
    distances: np.ndarray
    similarity: Similarity

    @property
    def values(self) -> np.ndarray:
        """(subsets, layers) CKA."""
        n = len(self.subsets)
        return self.similarity.values[:n, n:]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file."""
        labels = [_label(subset) for subset in self.subsets]
        layers = list(self.similarity.layers[len(labels) :])
        return {
            "head_cka": {"vit_cnn": LabelledArray({"heads": labels, "cnn_layer": layers}, self.values)},
            "head_distance": {"vit": LabelledArray({"heads": labels}, self.distances, units="px")},
        }

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """A3: Spearman's ρ of distance and similarity, with an interval over minibatches."""
        n = len(self.subsets)
        return {"A3": self.similarity.estimate(lambda cka: rank_correlation(self.distances, cka[:n, n:]), seed)}


def rank_correlation(distances: np.ndarray, values: np.ndarray) -> float:
    """A3: Spearman's ρ of the subsets' distance (subsets,) and their mean CKA with the layers (subsets, layers).

    NaN for fewer than three subsets, or where all are alike.
    """
    means = values.mean(1)
    if len(means) < 3 or np.ptp(means) == 0 or np.ptp(distances) == 0:
        return math.nan
    return float(stats.spearmanr(distances, means).statistic)


def _label(subset: list[int]) -> str:
    return "heads " + "+".join(map(str, subset))
