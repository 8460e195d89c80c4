"""Section 4 of the paper: how similar are the layers of a ViT and of a ResNet, within and across?

One CKA matrix holds all layers of both models, first the ViT's, then the CNN's; the effects of claims
U1–U4 are functions of it. A smaller ViT may stand beside them, of which the blocks follow (claim M3).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import Layer, find_stage_ends
from seelike.chapters.chapter import Chapter
from seelike.measures.cka import Similarity, contrast
from seelike.measures.depth_match import equal_depth_contrast
from seelike.measures.intervals import Estimate
from seelike.measures.layer_cka import Minibatches, compare_runs, split_by_model
from seelike.measures.runner import Cast
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
    for axes, similarity in compare_runs(loaded, find_minibatches, partial(Axes.find, layers=layers), Axes.names):
        yield Uniformity(axes, similarity)


@dataclass(frozen=True)
class Axes:
    """The layers of both models, from input to output, and the blocks of a smaller ViT, if there is one."""

    vit: tuple[Layer, ...]
    cnn: tuple[Layer, ...]
    vit_small: tuple[Layer, ...] = ()
    vit_blocks: tuple[str, ...] = ()  # names of those of `vit` that are blocks, where there is a smaller ViT

    @classmethod
    def find(cls, cast: Cast, layers: str) -> "Axes":
        """Raises InputError for a model of fewer than three layers: it has no lowest and highest third."""
        sets = {"vit": layers, "cnn": layers, "vit_small": "blocks"}
        found = {role: cast.ask(role, lambda own, role=role: own.layers(sets[role])) for role in cast.models}
        for role, axis in found.items():
            if len(axis) < 3:
                raise InputError(f"{role} must have at least 3 layers to compare, not {len(axis)}")
        if "vit_small" in found:
            found["vit_blocks"] = cast.ask("vit", Architecture.names)
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
        names, parts = self.axes.names(), self._split(self.similarity.values)
        stages = find_stage_ends(self.axes.cnn)
        cka = {
            "vit": LabelledArray({"layer": names["vit"], "other": names["vit"]}, parts["vit", "vit"]),
            "cnn": LabelledArray(
                {"layer": names["cnn"], "other": names["cnn"]}, parts["cnn", "cnn"], boundaries=stages
            ),
            "vit_cnn": LabelledArray({"vit_layer": names["vit"], "cnn_layer": names["cnn"]}, parts["vit", "cnn"]),
        }
        if self.axes.vit_small:
            axes = {"vit_layer": self.axes.vit_blocks, "vit_small_layer": names["vit_small"]}
            cka["vit_vit_small"] = LabelledArray(axes, self._against_small(parts))
        return {"cka": cka}

    def _split(self, cka: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        """The matrix of all layers → that of each pair of models."""
        return split_by_model(cka, {role: len(names) for role, names in self.axes.names().items()})

    def _against_small(self, parts: dict[tuple[str, str], np.ndarray]) -> np.ndarray:
        """The ViT's blocks against the small ViT's."""
        rows = [i for i, layer in enumerate(self.axes.vit) if layer.name in self.axes.vit_blocks]
        return parts["vit", "vit_small"][rows]

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches; M3 only where there is a smaller ViT."""

        def of_both(effect: Effect, cka: np.ndarray) -> float:
            parts = self._split(cka)
            return effect(self.axes, parts["vit", "vit"], parts["cnn", "cnn"], parts["vit", "cnn"])

        found = {claim: self.similarity.estimate(partial(of_both, effect), seed) for claim, effect in EFFECTS.items()}
        if self.axes.vit_small:
            found["M3"] = self.similarity.estimate(
                lambda cka: equal_depth_contrast(self._against_small(self._split(cka))), seed
            )
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


Effect = Callable[[Axes, np.ndarray, np.ndarray, np.ndarray], float]
EFFECTS: dict[str, Effect] = {
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
