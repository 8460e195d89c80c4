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

from seelike.activations import stream
from seelike.attention import find_attention, read_heads
from seelike.cka import CKA, Similarity, gram
from seelike.errors import InputError
from seelike.intervals import Estimate
from seelike.layers import find_layers, naming


def choose_subsets(distances: np.ndarray) -> list[list[int]]:
    """Neighbouring heads, a third of them at a time, from the most local to the most global.

    Args:
        distances: (heads,) mean attention distance.
    """
    size = max(1, len(distances) // 3)
    order = np.argsort(distances, kind="stable").tolist()
    return [order[start : start + size] for start in range(len(order) - size + 1)]


def measure(
    models: dict[str, nn.Module], minibatches: Iterable[dict[str, torch.Tensor]], distances: np.ndarray
) -> "HeadSimilarity":
    """Compare subsets of the first block's heads with the lowest third of the CNN's blocks.

    Args:
        models: {"vit": …, "cnn": …}.
        minibatches: of the same images for both, {"vit": (n, 3, h, w), "cnn": (n, 3, h, w)}.
        distances: (heads,) mean attention distance of the ViT's first block, in pixels.
    """
    cka, names, subsets = CKA(), None, choose_subsets(distances)
    for images in minibatches:
        names = names or [layer.name for layer in find_layers("cnn", models["cnn"], "blocks", images["cnn"][:1])]
        low = names[: max(1, len(names) // 3)]
        heads = read_heads(models["vit"], images["vit"], next(iter(find_attention(models["vit"]))))
        if heads.shape[1] != len(distances):
            raise InputError(
                f"distances must be of the {heads.shape[1]} heads of the first block, not {len(distances)}"
            )
        grams = {_label(subset): gram(heads[:, subset].flatten(1)) for subset in subsets}
        with naming("cnn", models["cnn"]):
            (seen,) = stream(models["cnn"], [images["cnn"]], low, gram)
        cka.update(grams | seen)
    return HeadSimilarity(subsets, np.array([distances[subset].mean() for subset in subsets]), cka.result())


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

    def arrays(self) -> dict[str, dict]:
        """Labelled arrays for a result file."""
        labels = [_label(subset) for subset in self.subsets]
        layers = list(self.similarity.layers[len(labels) :])
        return {
            "head_cka": {"vit_cnn": {"axes": {"heads": labels, "cnn_layer": layers}, "values": self.values}},
            "head_distance": {"vit": {"axes": {"heads": labels}, "values": self.distances}},
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
