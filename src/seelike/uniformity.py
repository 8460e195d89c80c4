"""Section 4 of the paper: how similar are the layers of a ViT and of a ResNet, within and across?

One CKA matrix holds all layers of both models, first the ViT's, then the CNN's; the effects of claims
U1–U4 are functions of it.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations import stream
from seelike.cka import CKA, Similarity, gram
from seelike.errors import InputError
from seelike.intervals import Estimate
from seelike.layers import Layer, find_layers


def measure(models: dict[str, nn.Module], minibatches: Iterable[dict[str, torch.Tensor]], layers: str) -> "Uniformity":
    """Pass the images once through both models and compare all layers.

    Args:
        models: {"vit": …, "cnn": …}.
        minibatches: of the same images for both, {"vit": (n, 3, h, w), "cnn": (n, 3, h, w)}.
        layers: "blocks" or "all", see `seelike.layers`.
    """
    cka, axes = CKA(), None
    for images in minibatches:
        axes = axes or Axes.find(models, images, layers)
        grams = {}
        for which, names in axes.names().items():
            try:
                (seen,) = stream(models[which], [images[which]], names, gram)
            except InputError as error:
                raise InputError(f"{which} ({type(models[which]).__name__}): {error}") from None
            grams |= {f"{which}/{name}": k for name, k in seen.items()}
        cka.update(grams)
    return Uniformity(axes, cka.result())


@dataclass(frozen=True)
class Axes:
    """The layers of both models, from input to output."""

    vit: tuple[Layer, ...]
    cnn: tuple[Layer, ...]

    @classmethod
    def find(cls, models: dict[str, nn.Module], images: dict[str, torch.Tensor], layers: str) -> "Axes":
        """Raises InputError for a model of fewer than three layers: it has no lowest and highest third."""
        found = {which: tuple(find_layers(model, layers, images[which][:1])) for which, model in models.items()}
        for which, axis in found.items():
            if len(axis) < 3:
                raise InputError(f"{which} must have at least 3 layers to compare, not {len(axis)}")
        return cls(**found)

    def names(self) -> dict[str, list[str]]:
        """{"vit": layer names, "cnn": layer names}."""
        return {which: [layer.name for layer in axis] for which, axis in (("vit", self.vit), ("cnn", self.cnn))}


@dataclass(frozen=True)
class Uniformity:
    """CKA of all layers of a ViT and a CNN."""

    axes: Axes
    similarity: Similarity

    def arrays(self) -> dict[str, dict]:
        """Labelled arrays for a result file: the two models alone, and one against the other."""
        n, values = len(self.axes.vit), self.similarity.values
        vit, cnn = self.axes.names().values()
        cka = {
            "vit": {"axes": {"layer": vit, "other": vit}, "values": values[:n, :n]},
            "cnn": {"axes": {"layer": cnn, "other": cnn}, "values": values[n:, n:], "stage_ends": self._stage_ends()},
            "vit_cnn": {"axes": {"vit_layer": vit, "cnn_layer": cnn}, "values": values[:n, n:]},
        }
        return {"cka": cka}

    def _stage_ends(self) -> list[int]:
        """Where on the CNN's axis one stage gives way to the next (or to the stem, or the head)."""
        stages = [layer.stage for layer in self.axes.cnn]
        return [k for k in range(1, len(stages)) if stages[k] != stages[k - 1]]

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches."""
        n = len(self.axes.vit)
        return {
            claim: self.similarity.estimate(
                lambda cka, effect=effect: effect(self.axes, cka[:n, :n], cka[n:, n:], cka[:n, n:]), seed
            )
            for claim, effect in EFFECTS.items()
        }


def reach(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U1: mean CKA of the lowest with the highest third of layers, ViT − CNN; thirds are rounded down."""
    return _corner(vit) - _corner(cnn)


def stages(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U2: mean CKA inside stages − between stages, CNN − ViT.

    A ViT has no stages: its depth is cut at the fractions at which the CNN's stages end, so that both
    contrasts are taken at the same distance from the diagonal. Layers outside the blocks (stem, last norm)
    are left out, and so is each layer's pair with itself. NaN for a CNN of one stage.
    """
    inside = [i for i, layer in enumerate(axes.cnn) if layer.stage is not None]
    names = np.array([axes.cnn[i].stage for i in inside])
    if len(set(names)) < 2:
        return math.nan
    cuts = (np.flatnonzero(names[1:] != names[:-1]) + 1) / len(names)
    blocks = [i for i, layer in enumerate(axes.vit) if layer.stage is not None]
    parts = np.searchsorted(cuts, (np.arange(len(blocks)) + 0.5) / len(blocks))
    return contrast(cnn[np.ix_(inside, inside)], names) - contrast(vit[np.ix_(blocks, blocks)], parts)


def match_of_middle(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U3: depth (0 to 1) of the ViT layer that best matches a CNN layer, mean over CNN depths 0.4 to 0.6."""
    from_middle = np.abs(np.linspace(-0.5, 0.5, len(axes.cnn)))
    middle = from_middle <= max(0.1, from_middle.min()) + 1e-9
    return float(across[:, middle].argmax(0).mean() / (len(axes.vit) - 1))


def match_at_top(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U4: best CKA with any CNN layer, mean over the highest − the lowest third of ViT layers."""
    best, third = across.max(1), len(axes.vit) // 3
    return float(best[-third:].mean() - best[:third].mean())


EFFECTS: dict[str, Callable[[Axes, np.ndarray, np.ndarray, np.ndarray], float]] = {
    "U1": reach,
    "U2": stages,
    "U3": match_of_middle,
    "U4": match_at_top,
}


def contrast(cka: np.ndarray, parts: np.ndarray) -> float:
    """Mean CKA of pairs of different layers of the same part − of different parts.

    Args:
        cka: (layers, layers).
        parts: (layers,), what tells to which part a layer belongs.
    """
    same = parts[:, None] == parts[None, :]
    return float(cka[same & ~np.eye(len(cka), dtype=bool)].mean() - cka[~same].mean())


def _corner(cka: np.ndarray) -> float:
    third = len(cka) // 3
    return float(cka[:third, -third:].mean())
