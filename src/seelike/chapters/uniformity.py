"""Section 4 of the paper: how similar are the layers of a ViT and of a ResNet, within and across?

One CKA matrix holds all layers of both models, first the ViT's, then the CNN's; the effects of claims
U1–U4 are functions of it. A smaller ViT may stand beside them, of which the blocks follow (claim M3).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.layers import Layer, find_layers, find_stage_ends
from seelike.chapters.chapter import Chapter
from seelike.measures.cka import Similarity, contrast
from seelike.measures.depth_match import equal_depth_contrast
from seelike.measures.intervals import Estimate
from seelike.measures.layer_cka import Minibatches, compare_runs
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], find_minibatches: Minibatches, layers: str
) -> Iterator["Uniformity"]:
    """Pass the images once through the models of every run, also those that several share, and compare all layers.

    Args:
        loaded: {"vit": …, "cnn": …}, or with "vit_small" too, as `run.load_models()` or `run.load_controls()` gives.
        find_minibatches: `run.minibatches`, of the same images for all, {"vit": (n, 3, h, w), "cnn": (n, 3, h, w), …}.
        layers: "blocks" or "all", see `seelike.activations.layers`; of the small ViT it is the blocks whichever.
    """
    find_axes = lambda models, images: Axes.find(models, images, layers)  # noqa: E731
    for axes, similarity in compare_runs(loaded, find_minibatches, find_axes, Axes.names):
        yield Uniformity(axes, similarity)


@dataclass(frozen=True)
class Axes:
    """The layers of both models, from input to output, and the blocks of a smaller ViT, if there is one."""

    vit: tuple[Layer, ...]
    cnn: tuple[Layer, ...]
    vit_small: tuple[Layer, ...] = ()
    vit_blocks: tuple[str, ...] = ()  # names of those of `vit` that are blocks, where there is a smaller ViT

    @classmethod
    def find(cls, models: dict[str, nn.Module], images: dict[str, torch.Tensor], layers: str) -> "Axes":
        """Raises InputError for a model of fewer than three layers: it has no lowest and highest third."""
        sets = {"vit": layers, "cnn": layers, "vit_small": "blocks"}
        found = {role: tuple(find_layers(role, model, sets[role], images[role][:1])) for role, model in models.items()}
        for role, axis in found.items():
            if len(axis) < 3:
                raise InputError(f"{role} must have at least 3 layers to compare, not {len(axis)}")
        if "vit_small" in models:
            blocks = find_layers("vit", models["vit"], "blocks", images["vit"][:1])
            found["vit_blocks"] = tuple(layer.name for layer in blocks)
        return cls(**found)

    def names(self) -> dict[str, list[str]]:
        """{"vit": layer names, "cnn": layer names}, and those of "vit_small", if there is one."""
        axes = {"vit": self.vit, "cnn": self.cnn} | ({"vit_small": self.vit_small} if self.vit_small else {})
        return {role: [layer.name for layer in axis] for role, axis in axes.items()}


@dataclass(frozen=True)
class Uniformity:
    """CKA of all layers of a ViT and a CNN, and of a smaller ViT's blocks, in the order of `axes`."""

    axes: Axes
    similarity: Similarity

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: the two models alone, one against the other, ViT against smaller ViT."""
        names, values = self.axes.names(), self.similarity.values
        vit, cnn, across = self._split(values)
        stages = find_stage_ends(self.axes.cnn)
        cka = {
            "vit": LabelledArray({"layer": names["vit"], "other": names["vit"]}, vit),
            "cnn": LabelledArray({"layer": names["cnn"], "other": names["cnn"]}, cnn, boundaries=stages),
            "vit_cnn": LabelledArray({"vit_layer": names["vit"], "cnn_layer": names["cnn"]}, across),
        }
        if self.axes.vit_small:
            axes = {"vit_layer": self.axes.vit_blocks, "vit_small_layer": names["vit_small"]}
            cka["vit_vit_small"] = LabelledArray(axes, self._against_small(values))
        return {"cka": cka}

    def _split(self, cka: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the matrix of all layers: the ViT with itself, the CNN with itself, one against the other."""
        n, end = len(self.axes.vit), len(self.axes.vit) + len(self.axes.cnn)
        return cka[:n, :n], cka[n:end, n:end], cka[:n, n:end]

    def _against_small(self, cka: np.ndarray) -> np.ndarray:
        """Of the matrix of all layers: the ViT's blocks against the small ViT's."""
        rows = [i for i, layer in enumerate(self.axes.vit) if layer.name in self.axes.vit_blocks]
        return cka[rows, -len(self.axes.vit_small) :]

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches; M3 only where there is a smaller ViT."""
        found = {
            claim: self.similarity.estimate(lambda cka, effect=effect: effect(self.axes, *self._split(cka)), seed)
            for claim, effect in EFFECTS.items()
        }
        if self.axes.vit_small:
            found["M3"] = self.similarity.estimate(lambda cka: equal_depth_contrast(self._against_small(cka)), seed)
        return found


def corner_cka_gap(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U1: mean CKA of the lowest with the highest third of layers, ViT − CNN; thirds are rounded down."""
    return _corner_cka(vit) - _corner_cka(cnn)


def stage_contrast_gap(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
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


def middle_match_depth(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U3: depth (0 to 1) of the ViT layer that best matches a CNN layer, mean over CNN depths 0.4 to 0.6."""
    from_middle = np.abs(np.linspace(-0.5, 0.5, len(axes.cnn)))
    middle = from_middle <= max(0.1, from_middle.min()) + 1e-9
    return float(across[:, middle].argmax(0).mean() / (len(axes.vit) - 1))


def best_match_rise(axes: Axes, vit: np.ndarray, cnn: np.ndarray, across: np.ndarray) -> float:
    """U4: best CKA with any CNN layer, mean over the highest − the lowest third of ViT layers."""
    best, third = across.max(1), len(axes.vit) // 3
    return float(best[-third:].mean() - best[:third].mean())


EFFECTS: dict[str, Callable[[Axes, np.ndarray, np.ndarray, np.ndarray], float]] = {
    "U1": corner_cka_gap,
    "U2": stage_contrast_gap,
    "U3": middle_match_depth,
    "U4": best_match_rise,
}


def _corner_cka(cka: np.ndarray) -> float:
    third = len(cka) // 3
    return float(cka[:third, -third:].mean())


CHAPTER = Chapter(
    "uniformity",
    lambda loaded, run: measure_runs(loaded, run.minibatches, run.parameters["layers"]),
    optional=("vit_small",),
)
