"""Section 5 of the paper: do local heads make what a ResNet's lower layers make?

The heads of a ViT's first block are sorted from the most local to the most global. Subsets of neighbours in that
order, each head's own output before the mixing projection, are compared by CKA with the lower layers of a CNN
(Fig. 5).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import reading_heads
from seelike.activations.flattened import Outputs
from seelike.measures.cka import Similarity, gram, token_grams
from seelike.measures.intervals import Estimate
from seelike.measures.layer_cka import JointCKA
from seelike.measures.runner import Cast, Found
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


@dataclass(frozen=True)
class HeadGrams:
    """Reads the centred Gram matrix of what each head of one attention returns."""

    attention: str

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[str, torch.Tensor]]:
        """{"head 0": (n, n), …}."""
        grams: dict[str, torch.Tensor] = {}
        with reading_heads(model, self.attention, lambda heads: token_grams(heads.transpose(0, 1).flatten(2))) as found:
            yield grams
        n = len(images)
        grams |= {f"head {i}": flat.view(n, n) for i, flat in enumerate(found[self.attention])}


class Heads:
    """What is asked of a ViT and a CNN: HSIC₁ between every head of the first block and the lowest third of CNN blocks.

    Which heads are neighbours is known at the end only. That is early enough: the Gram matrix of several heads side by
    side is the sum of their own, so HSIC₁ of two subsets is the sum over all pairs of their heads.
    """

    def __init__(self, cast: Cast):
        names = cast.ask("cnn", Architecture.names)
        self.low = names[: max(1, len(names) // 3)]
        heads = HeadGrams(cast.ask("vit", lambda own: own.attentions[0]))
        self.cka = cast.compare(JointCKA({"vit": heads, "cnn": Outputs(self.low, gram)}))

    def gather(self, found: Found, distances: np.ndarray) -> "HeadSimilarity":
        """The subsets that `distances` (heads,) tell, pixels; raises InputError for another number of heads."""
        single = found[self.cka]
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
