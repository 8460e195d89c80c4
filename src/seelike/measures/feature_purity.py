"""What makes single features of a ViT active: Ghiasi et al. (2022), Figs 1 to 3 and 6, with cues that are known.

A feature is one channel of a layer, its activation for an image the mean over the patch tokens. Layers are the wide
one inside each block's MLP, after its nonlinearity, and queries, keys and values side by side. The images that make a
feature most active may have something in common: for each cue (outline, texture, hue) its **purity** is the share of
these images that have the cue's most frequent value among them.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture, spread
from seelike.activations.flattened import reading
from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.results.labelled_array import LabelledArray

MLP, QKV = "mlp.act", "attn.qkv"
KINDS = {MLP: "MLP", QKV: "queries, keys, values"}
MOST_ACTIVATING = 16  # images
MOST_FEATURES = 256  # of a layer, evenly spread
SHOWN = 4  # features of a block


@dataclass(frozen=True)
class MeanActivations:
    """Reads the mean over patch tokens, those after `n_prefix` others, of evenly spread channels of some layers."""

    layers: tuple[str, ...]
    n_prefix: int

    def reading(self, model: nn.Module, images: torch.Tensor) -> AbstractContextManager[dict[str, torch.Tensor]]:
        """{layer: (n, features)}."""
        return reading(model, self.layers, len(images), represent=self._average, reduce=torch.clone)

    def _average(self, _: str, output: torch.Tensor) -> torch.Tensor:
        return output[:, self.n_prefix :].mean(1)[:, spread(output.shape[-1], MOST_FEATURES)]


def read_features(architecture: Architecture, n_images: int) -> Features:
    """The features of both kinds of every block, of so many images."""
    layers = (f"{block}.{kind}" for kind in KINDS for block in architecture.names())
    return Features(MeanActivations(tuple(layers), architecture.n_prefix), n_images)


def list_shown(blocks: Sequence[str], width: int) -> list[tuple[str, int]]:
    """The features of the figures: layer and channel of evenly spread ones in three blocks' MLPs of that width."""
    channels = spread(width, MOST_FEATURES)
    places = _choose_places(len(channels))
    return [(f"{blocks[block]}.{MLP}", channels[place]) for block in spread(len(blocks), 3) for place in places]


def label_shown(n_blocks: int) -> list[str]:
    """What the same are called: `block 0, 2` is the second of the first block."""
    return [f"block {block}, {number}" for block in spread(n_blocks, 3) for number in range(1, 1 + SHOWN)]


def _choose_places(n_features: int) -> list[int]:
    """Inner ones, evenly spread."""
    return np.linspace(0, n_features - 1, SHOWN + 2).round()[1:-1].astype(int).tolist()


def measure_purity(activations: torch.Tensor, cues: torch.Tensor, most: int = MOST_ACTIVATING) -> np.ndarray:
    """Purity of every feature by cue, (features, cues).

    Args:
        activations: (n, features).
        cues: the value of every cue in each image, (n, cues), whole numbers from 0.
        most: how many images count; all, where there are fewer.
    """
    top = activations.topk(min(most, len(activations)), dim=0).indices
    values = cues[top]  # (most, features, cues)
    counts = torch.stack([(values == value).sum(0) for value in range(int(cues.max()) + 1)])
    return (counts.max(0).values.double() / len(top)).numpy()


@dataclass(frozen=True)
class Purity:
    """Features of every block by kind, {kind: (n, blocks, features)}, and the cues of the images, (n, cues)."""

    blocks: tuple[str, ...]
    features: dict[str, torch.Tensor]
    cues: torch.Tensor
    cue_names: tuple[str, ...]
    n_draws: int

    @classmethod
    def of(cls, found: dict[str, torch.Tensor], cues: torch.Tensor, cue_names: Sequence[str], n_draws: int) -> "Purity":
        """From what `read_features` kept."""
        blocks = tuple(name.removesuffix(f".{MLP}") for name in found if name.endswith(MLP))
        kinds = {kind: torch.stack([found[f"{block}.{kind}"] for block in blocks], 1) for kind in KINDS}
        return cls(blocks, kinds, cues, tuple(cue_names), n_draws)

    def _measure(self, kind: str, draws: np.ndarray) -> np.ndarray:
        """(blocks, features, cues), from some draws of images alone."""
        kept = torch.arange(len(self.cues)).unflatten(0, (self.n_draws, -1))[draws].flatten()
        found = measure_purity(self.features[kind][kept].flatten(1), self.cues[kept])
        return found.reshape(len(self.blocks), -1, found.shape[-1])

    def array(self) -> LabelledArray:
        """The labelled array for a result file: the mean over features, by kind, block and cue."""
        found = [self._measure(kind, np.arange(self.n_draws)).mean(1) for kind in KINDS]
        axes = {"features": list(KINDS.values()), "block": list(self.blocks), "cue": list(self.cue_names)}
        return LabelledArray(axes, np.array(found))

    def shown_array(self) -> LabelledArray:
        """For the figure: the images that make evenly spread MLP features of three blocks most active, best first."""
        features = self.features[MLP][:, spread(len(self.blocks), 3)]
        features = features[:, :, _choose_places(features.shape[2])].flatten(1)
        top = features.topk(min(MOST_ACTIVATING // 2, len(features)), dim=0).indices.T
        names = label_shown(len(self.blocks))
        return LabelledArray({"feature": names, "rank": range(1, 1 + top.shape[1])}, top.numpy())

    def kinds_apart(self) -> np.ndarray:
        """W1: the replicates of the purity of a feature's purest cue, mean over MLP features − over the others."""

        def effect(draws: np.ndarray) -> float:
            mlp, others = (self._measure(kind, draws).max(-1).mean() for kind in KINDS)
            return mlp - others

        return jackknife(self.n_draws, effect)

    def cues_by_depth(self, rising: str, falling: str) -> np.ndarray:
        """W2: the replicates of purity for one cue − for another, mean over features, last − first third."""
        one, other = (self.cue_names.index(cue) for cue in (rising, falling))
        third = max(1, len(self.blocks) // 3)

        def effect(draws: np.ndarray) -> float:
            found = self._measure(MLP, draws)
            gap = found[..., one] - found[..., other]
            return float(gap[-third:].mean() - gap[:third].mean())

        return jackknife(self.n_draws, effect)
