"""Section 5 of the paper: do local heads make what a ResNet's lower layers make?

Each head of a ViT's lowest blocks, its own output before the mixing projection, is compared by CKA with the lower
layers of a CNN, and its CKA is held against its attention distance (Fig. 5, which shows subsets of the first block's
heads: a small ViT has too few of them for a trend).
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.attention import reading_heads
from seelike.activations.flattened import Outputs
from seelike.measures.attention_distance import AttentionDistance
from seelike.measures.cka import gram, token_grams
from seelike.measures.intervals import Terms, jackknife, share_out
from seelike.measures.layer_cka import JointCKA, split_by_model
from seelike.measures.runner import Cast, Found
from seelike.measures.similarities.all_pairs import Similarity, normalize
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import Degenerate

SAME = 1e-6  # of the uniform distance: a closer range of distances is float32's rounding


@dataclass(frozen=True)
class HeadGrams:
    """Reads the centred Gram matrix of what each head of some attentions returns."""

    attentions: tuple[str, ...]

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[str, torch.Tensor]]:
        """{"blocks.0 head 0": (n, n), …}."""
        grams: dict[str, torch.Tensor] = {}
        with ExitStack() as stack:
            found = [stack.enter_context(reading_heads(model, name, _multiply_heads)) for name in self.attentions]
            yield grams
        for attention, heads in zip(self.attentions, found, strict=True):
            block, n = attention.removesuffix(".attn"), len(images)
            grams |= {f"{block} head {i}": flat.view(n, n) for i, flat in enumerate(heads[attention])}


class Heads:
    """What is asked of some ViTs and CNNs: HSIC₁ between all heads and layers of their lowest third of blocks.

    Args:
        cast: has the models in roles of their own, as `name_all` gives them.
        vits: the roles of the ViTs.
        cnns: those of the CNNs.
    """

    def __init__(self, cast: Cast, vits: list[str], cnns: list[str]):
        self.attentions = {role: cast.ask(role, lambda own: _find_lowest(own.attentions)) for role in vits}
        self.low = {role: cast.ask(role, lambda own: _find_lowest(own.names())) for role in cnns}
        heads = {role: HeadGrams(names) for role, names in self.attentions.items()}
        self.cka = cast.compare(JointCKA(heads | {role: Outputs(names, gram) for role, names in self.low.items()}))

    def gather(self, found: Found, distances: dict[str, AttentionDistance]) -> "HeadSimilarity":
        """With each ViT's distances. Raises Degenerate where a head is the same for every image of a minibatch."""
        similarity = found[self.cka]
        if not np.diagonal(similarity.products, axis1=1, axis2=2).all():
            raise Degenerate(
                "heads of the lowest blocks are the same for every image of a minibatch, so CKA is not defined"
            )
        low = {role: distances[role].shares[:, : len(names)] for role, names in self.attentions.items()}
        uniform = next(distances[role].uniform for role in low)
        low = {role: each.reshape(len(each), -1) for role, each in low.items()}
        return HeadSimilarity(low, self.low, similarity, uniform)


@dataclass(frozen=True)
class HeadSimilarity:
    """CKA of the lowest heads of ViTs with the lowest layers of CNNs, the models in this order in `similarity`.

    `distances` maps each ViT to (minibatches, heads), in units of the uniform distance, which is `uniform` pixels;
    `layers` each CNN to its layers.
    """

    distances: dict[str, np.ndarray]
    layers: dict[str, tuple[str, ...]]
    similarity: Similarity
    uniform: float

    def values(self, chosen: np.ndarray | slice = slice(None)) -> dict[tuple[str, str], np.ndarray]:
        """(ViT, CNN) → CKA (heads, layers), from some minibatches."""
        n_layers = {role: each.shape[1] for role, each in self.distances.items()}
        n_layers |= {role: len(names) for role, names in self.layers.items()}
        parts = split_by_model(normalize(self.similarity.products[chosen].sum(0)), n_layers)
        return {(vit, cnn): parts[vit, cnn] for vit in self.distances for cnn in self.layers}

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: all ViTs' heads; their CKA with each layer is the mean over the CNNs."""
        values, n_heads = self.values(), len(next(iter(self.distances.values()))[0])
        heads = [name.partition("/")[2] for name in self.similarity.layers[:n_heads]]
        axes = {"vit": list(self.distances), "head": heads}
        cka = [np.mean([values[vit, cnn] for cnn in self.layers], 0) for vit in self.distances]
        distances = [each.mean(0) * self.uniform for each in self.distances.values()]
        layers = next(iter(self.layers.values()))
        return {
            "head_cka": {"vit_cnn": LabelledArray(axes | {"cnn_layer": list(layers)}, cka)},
            "head_distance": {"vit": LabelledArray(axes, distances, units="px", uniform=self.uniform)},
        }

    def terms(self, vit: str, cnn: str) -> dict[str, Terms]:
        """A3, over minibatches: what one ViT and one CNN have in the mean over all pairs of models."""
        of_vits, of_cnns = share_out(self.trends())
        own = of_vits[list(self.distances).index(vit)], of_cnns[list(self.layers).index(cnn)]
        return {"A3": {("vit",): own[0], ("cnn",): own[1]}}

    def trends(self) -> np.ndarray:
        """The replicates of every pair's `distance_trend`: (ViTs, CNNs, minibatches + 1)."""

        def replicate(vit: str, cnn: str) -> np.ndarray:
            distances = self.distances[vit]
            trend = lambda chosen: distance_trend(distances[chosen].mean(0), self.values(chosen)[vit, cnn])  # noqa: E731
            return jackknife(len(distances), trend)

        return np.array([[replicate(vit, cnn) for cnn in self.layers] for vit in self.distances])


def distance_trend(distances: np.ndarray, cka: np.ndarray) -> float:
    """A3: how much the heads' mean CKA with low layers changes from the most local head to the most global one.

    By the least-squares line over all heads: its slope times the range of their distances, so that nothing is said of
    distances that no head has. NaN where all heads are equally far, within the rounding of their distances.

    Args:
        distances: (heads,) in any unit.
        cka: (heads, layers).
    """
    span = np.ptp(distances)
    if span < SAME:
        return math.nan
    apart = distances - distances.mean()
    return float(span * (apart @ cka.mean(1)) / (apart @ apart))


def _multiply_heads(heads: torch.Tensor) -> torch.Tensor:
    """What heads return, (n, heads, tokens, width) → (heads, n²)."""
    return token_grams(heads.transpose(0, 1).flatten(2))


def _find_lowest(names: tuple[str, ...]) -> tuple[str, ...]:
    """The lowest third, rounded down, of what stands in every block; at least one."""
    return names[: max(1, len(names) // 3)]
