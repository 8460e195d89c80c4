"""Section 4 of the paper: how similar are the layers of a ViT and of a ResNet, within and across?

One CKA matrix holds all layers of the models of every run, so that each ViT meets each CNN; the effects of claims
U1–U5 are functions of its parts. A smaller ViT may stand beside them, of which the blocks follow (claim M3).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import LAYER_SETS, Layer, find_stage_ends
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.run import Run
from seelike.measures.depth_match import equal_depth_contrast
from seelike.measures.intervals import Terms
from seelike.measures.lag_contrast import boundary_contrast, transfer_boundaries
from seelike.measures.layer_cka import Minibatches, Runs, RunSimilarity, compare_runs
from seelike.measures.layer_similarities import RAW, compare_in_all_ways, leave_out
from seelike.measures.runner import Cast
from seelike.results.choices import DEPTHS, Choices
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

MATCHED = {"vit": ("cnn",)}  # whose best matches with whose layers are held against chance


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    layers: str,
    classes: Sequence[torch.Tensor] | None = None,
) -> Iterator["Uniformity"]:
    """Pass the images once through the models of every run, also those that several share, and compare all layers.

    Arrays are of each run's own models. A claim about a pair of models is measured on all pairs of all runs.

    Args:
        loaded: {"vit": …, "cnn": …}, or with "vit_small" too, as `run.load_models()` or `run.load_controls()` gives.
        find_minibatches: `run.minibatches`, of the same images for all, {"vit": (n, 3, h, w), "cnn": (n, 3, h, w), …}.
        layers: "blocks" or "all", see `seelike.activations.layers`; of the small ViT it is the blocks whichever.
        classes: those of the images of every minibatch, (n,), where they are known.
    """
    find_axes = partial(Axes.find, layers=layers)
    for axes, similarity in compare_runs(loaded, find_minibatches, find_axes, Axes.names, MATCHED, classes):
        yield Uniformity(axes, similarity)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images."""
    runs = Runs(loaded, run.minibatches)
    axes = {layers: runs.find(partial(Axes.find, layers=layers)) for layers in LAYER_SETS}
    named = {layers: [each.names() for each in of] for layers, of in axes.items()}
    for choices, similarities in compare_in_all_ways(runs, named, MATCHED, run.batch_size):
        own = [Uniformity(*pair) for pair in zip(axes[choices["layers"]], similarities, strict=True)]
        for depth, parts in DEPTHS.items():
            yield choices | {"depth": depth}, [each.compare_matches(parts) for each in own]
        if choices["chance"] == RAW:  # others than best matches have no choice
            yield from _vary_effects(own, leave_out(choices, "chance"))


def _vary_effects(found: list["Uniformity"], choices: Choices) -> Iterator[Universe]:
    yield choices, [each.compare_stages() for each in found]
    for depth, parts in DEPTHS.items():
        yield choices | {"depth": depth}, [each.compare_depths(parts) for each in found]
    if choices["layers"] == "blocks":  # as those of the smaller ViT are whichever
        yield leave_out(choices, "layers"), [each.compare_sizes() for each in found]


@dataclass(frozen=True)
class Axes:
    """The layers of both models, from input to output, and the blocks of a smaller ViT, if there is one.

    `blocks` has, by role, which of these layers are the outputs of blocks, by their places.
    """

    vit: tuple[Layer, ...]
    cnn: tuple[Layer, ...]
    blocks: dict[str, list[int]]
    vit_small: tuple[Layer, ...] = ()

    @classmethod
    def find(cls, cast: Cast, layers: str) -> "Axes":
        """Raises InputError for a model of fewer than three layers: it has no lowest and highest third."""
        sets = {"vit": layers, "cnn": layers, "vit_small": "blocks"}
        found = {role: cast.ask(role, lambda own, role=role: own.layers(sets[role])) for role in cast.models}
        blocks = {}
        for role, axis in found.items():
            if len(axis) < 3:
                raise InputError(f"{role} must have at least 3 layers to compare, not {len(axis)}")
            names = cast.ask(role, Architecture.names)
            blocks[role] = [i for i, layer in enumerate(axis) if layer.name in names]
        return cls(**found, blocks=blocks)

    def names(self) -> dict[str, list[str]]:
        """{"vit": layer names, "cnn": layer names}, and those of "vit_small", if there is one."""
        axes = {"vit": self.vit, "cnn": self.cnn} | ({"vit_small": self.vit_small} if self.vit_small else {})
        return {role: [layer.name for layer in axis] for role, axis in axes.items()}

    def within_blocks(self, role: str) -> tuple[list[int], np.ndarray]:
        """The places of the layers that belong to a block, its output included, and the number of each one's block."""
        axis, outputs = getattr(self, role), self.blocks[role]
        places = [i for i, layer in enumerate(axis) if layer.stage is not None]
        return places, np.searchsorted(outputs, places)

    def find_boundaries(self) -> dict[str, tuple[int, ...]]:
        """U2: how many blocks lie before each boundary between stages of the CNN, and at the same fractions of the ViT.

        A ViT has no stages.
        """
        blocks = [self.cnn[i] for i in self.blocks["cnn"]]
        cnn = find_stage_ends(blocks)
        return {"vit": transfer_boundaries(cnn, len(blocks), len(self.blocks["vit"])), "cnn": tuple(cnn)}


@dataclass(frozen=True)
class Uniformity:
    """CKA of all layers of a ViT and a CNN, and of a smaller ViT's blocks, in the order of `axes`."""

    axes: Axes
    similarity: RunSimilarity

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: the two models alone, one against the other, ViT against smaller ViT."""
        names, values = self.axes.names(), self.similarity.values
        stages = find_stage_ends(self.axes.cnn)
        cka = {
            "vit": LabelledArray({"layer": names["vit"], "other": names["vit"]}, values("vit", "vit")),
            "cnn": LabelledArray(
                {"layer": names["cnn"], "other": names["cnn"]}, values("cnn", "cnn"), boundaries=stages
            ),
            "vit_cnn": LabelledArray({"vit_layer": names["vit"], "cnn_layer": names["cnn"]}, values("vit", "cnn")),
        }
        if self.axes.vit_small:
            blocks = self.axes.blocks["vit"]
            axes = {"vit_layer": [names["vit"][i] for i in blocks], "vit_small_layer": names["vit_small"]}
            cka["vit_vit_small"] = LabelledArray(axes, values("vit", "vit_small")[blocks])
        scores = self.similarity.score_matches("vit", "cnn")
        matches = LabelledArray({"score": scores, "vit_layer": names["vit"]}, [*scores.values()])
        return {"cka": cka, "best_match": {"vit_cnn": matches}}

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms, of one model each; M3's only where there is a smaller ViT."""
        found = self.compare_depths() | self.compare_matches() | self.compare_stages() | self.compare_sizes()
        return dict(sorted(found.items()))

    def compare_depths(self, parts: int = 3) -> dict[str, Terms]:
        """The terms of U1, U3 and U5, with thirds of the depth or other parts; halves have no middle, and no U5."""
        corner = {role: self.similarity.alone(role, partial(corner_cka, parts=parts)) for role in ("vit", "cnn")}
        found = {"U1": {("vit",): corner["vit"], ("cnn",): -corner["cnn"]}}
        found["U3b"] = self._share_out("cnn", middle_match_depth)
        effects = {"U3a": low_half_gap} | (BETWEEN if parts > 2 else {})
        return found | {part: self._share_out("cnn", effect, parts=parts) for part, effect in effects.items()}

    def compare_matches(self, parts: int = 3) -> dict[str, Terms]:
        """The terms of U4, with thirds of the depth or other parts."""
        blocks = self.axes.blocks["vit"], self.axes.blocks["cnn"]
        return {
            "U4a": self._match(best_match_rise, parts),
            "U4b": self._match(best_match_rise, parts, *blocks),
            "U4c": self._match(high_best_match, parts),
        }

    def compare_stages(self) -> dict[str, Terms]:
        """The terms of U2."""
        boundary = {role: self._boundary_contrast(role) for role in ("vit", "cnn")}
        return {"U2a": {("cnn",): boundary["cnn"]}, "U2b": {("cnn",): boundary["cnn"], ("vit",): -boundary["vit"]}}

    def compare_sizes(self) -> dict[str, Terms]:
        """The terms of M3, where there is a smaller ViT."""
        if not self.axes.vit_small:
            return {}
        own = self.axes.blocks["vit"]
        return {"M3": self._share_out("vit_small", lambda cka: equal_depth_contrast(cka[own]))}

    def _share_out(self, other: str, effect: Callable[..., float], **options) -> Terms:
        """An effect of a pair, (ViT layers, layers of the other)."""
        find = partial(self.similarity.cross, "vit", other, partial(effect, **options))
        crossed = self.similarity.recall((effect, other, *options.items()), find)
        return self.similarity.share_out(crossed, "vit", other)

    def _match(self, effect: Callable[..., float], parts: int, *layers: list[int]) -> Terms:
        """An effect of the best matches of the ViT's layers with any of the CNN's, or of some layers of both."""
        find = partial(self.similarity.cross_matches, "vit", "cnn", partial(effect, parts=parts), *layers)
        crossed = self.similarity.recall((effect, parts, *map(tuple, layers)), find)
        return self.similarity.share_out(crossed, "vit", "cnn")

    def _boundary_contrast(self, role: str) -> np.ndarray:
        """U2: replicates of one model's contrast at the CNN's stage boundaries. Layers outside blocks are left out."""
        places, blocks = self.axes.within_blocks(role)
        boundaries = self.axes.find_boundaries()[role]
        return self.similarity.alone(
            role, lambda cka: boundary_contrast(cka[np.ix_(places, places)], blocks, boundaries)
        )


def corner_cka(cka: np.ndarray, parts: int = 3) -> float:
    """U1, of each model: mean CKA of the lowest with the highest third of layers; thirds are rounded down."""
    third = len(cka) // parts
    return float(cka[:third, -third:].mean())


def low_half_gap(cka: np.ndarray, parts: int = 3) -> float:
    """U3a: mean CKA of the lower half of CNN layers with the lowest − with the highest third of ViT layers.

    Args:
        cka: (ViT layers, CNN layers), as in all effects below. Halves and thirds are rounded down.
        parts: 3 for thirds, as in all effects below.
    """
    low, _, high = _split(cka[:, : cka.shape[1] // 2], parts)
    return float(low.mean() - high.mean())


def middle_match_depth(cka: np.ndarray) -> float:
    """U3b: depth (0 to 1) of the ViT layer that best matches a CNN layer, mean over CNN depths 0.4 to 0.6."""
    n_vit, n_cnn = cka.shape
    from_middle = np.abs(np.linspace(-0.5, 0.5, n_cnn))
    middle = from_middle <= max(0.1, from_middle.min()) + 1e-9
    return float(cka[:, middle].argmax(0).mean() / (n_vit - 1))


def best_match_rise(cka: np.ndarray, parts: int = 3) -> float:
    """U4a, U4b: best CKA with any CNN layer, mean over the highest − the lowest third of ViT layers.

    Args:
        cka: calibrated, as of U4c, see `seelike.measures.similarities.shuffled`.
    """
    low, _, high = _split(cka.max(1), parts)
    return float(high.mean() - low.mean())


def high_best_match(cka: np.ndarray, parts: int = 3) -> float:
    """U4c: best CKA with any CNN layer, mean over the highest third of ViT layers."""
    return float(_split(cka.max(1), parts)[2].mean())


def high_half_over_low(cka: np.ndarray, parts: int = 3) -> float:
    """U5a: mean CKA of the upper half of CNN layers with the middle − with the lowest third of ViT layers."""
    low, middle, _ = _split(_take_upper_half(cka), parts)
    return float(middle.mean() - low.mean())


def high_half_over_high(cka: np.ndarray, parts: int = 3) -> float:
    """U5b: mean CKA of the upper half of CNN layers with the middle − with the highest third of ViT layers."""
    _, middle, high = _split(_take_upper_half(cka), parts)
    return float(middle.mean() - high.mean())


# Of the CKA of all layers of a ViT with all of a CNN, those whose ViT has a middle.
BETWEEN = {"U5a": high_half_over_low, "U5b": high_half_over_high}


def _split(of_vit: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lowest and the highest of so many parts of the ViT's layers, and in the middle what is left."""
    size = len(of_vit) // parts
    return of_vit[:size], of_vit[size:-size], of_vit[-size:]


def _take_upper_half(cka: np.ndarray) -> np.ndarray:
    """The columns of the upper half of CNN layers; of an odd number the middle one is in neither half."""
    return cka[:, -(cka.shape[1] // 2) :]


CHAPTER = Chapter(
    "uniformity",
    lambda loaded, run: measure_runs(loaded, run.minibatches, run.parameters["layers"], run.read_classes()),
    optional=("vit_small",),
    own=("layers",),
    vary=vary_runs,
)
