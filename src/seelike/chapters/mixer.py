"""The paper's discussion: does an MLP-Mixer see like a ViT or like a ResNet?

A Mixer has a ViT's patches and no attention. One CKA matrix holds the blocks of Mixer, ViT and CNN (Figs H.1, H.2).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.run import Run
from seelike.measures.intervals import Terms
from seelike.measures.lag_contrast import best_split_contrast, find_split
from seelike.measures.layer_cka import Minibatches, Runs, RunSimilarity, compare_runs
from seelike.measures.layer_similarities import RAW, compare_in_all_ways, leave_out
from seelike.measures.runner import Cast
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

MODELS = ("mixer", "vit", "cnn")
MATCHED = {"mixer": MODELS[1:]}  # whose best matches with whose blocks are held against chance


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    classes: Sequence[torch.Tensor] | None = None,
) -> Iterator["MixerSimilarity"]:
    """Pass the images once through all models of every run, also those that several share, and compare all blocks.

    Args:
        loaded: {"mixer": …, "vit": …, "cnn": …}, as `run.load_models()` or `run.load_controls()` gives.
        find_minibatches: `run.minibatches`, of the same images for all, {name: (n, 3, h, w)}.
        classes: those of the images of every minibatch, (n,), where they are known.

    Raises InputError, which names the model, for one of fewer than three blocks: it has no two parts.
    """
    for blocks, similarity in compare_runs(loaded, find_minibatches, _find_blocks, dict, MATCHED, classes):
        yield MixerSimilarity(blocks, similarity)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images; of all layers, too."""
    runs = Runs(loaded, run.minibatches)
    named = {"blocks": runs.find(_find_blocks), "all": runs.find(_find_layers)}
    for choices, similarities in compare_in_all_ways(runs, named, MATCHED, run.batch_size):
        own = zip(named[choices["layers"]], similarities, strict=True)
        terms = [MixerSimilarity(*pair).terms() for pair in own]
        yield choices, terms
        if choices["chance"] == RAW:  # M1 has no best matches
            yield leave_out(choices, "chance"), terms


@dataclass(frozen=True)
class MixerSimilarity:
    """CKA of the blocks of three models; `blocks` maps a model to their names."""

    blocks: dict[str, tuple[str, ...]]
    similarity: RunSimilarity

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: each model alone, its best split marked, and the Mixer against both."""
        cka, matches = {}, {}
        for role, blocks in self.blocks.items():
            own = self.similarity.values(role, role)
            cka[role] = LabelledArray({"layer": blocks, "other": blocks}, own, boundaries=[find_split(own)])
        for other in MODELS[1:]:
            axes = {"mixer_layer": self.blocks["mixer"], f"{other}_layer": self.blocks[other]}
            cka[f"mixer_{other}"] = LabelledArray(axes, self.similarity.values("mixer", other))
            scores = self.similarity.score_matches("mixer", other)
            axes = {"score": scores, "mixer_layer": self.blocks["mixer"]}
            matches[f"mixer_{other}"] = LabelledArray(axes, [*scores.values()])
        return {"cka": cka, "best_match": matches}

    def terms(self) -> dict[str, Terms]:
        """M1 and M2, their terms of one model each; the best split is looked for anew in every replicate.

        M2 is of every Mixer, ViT and CNN of all runs, each with each.
        """
        split = {role: self.similarity.alone(role, best_split_contrast) for role in ("mixer", "vit")}
        find = {other: partial(self.similarity.cross_matches, "mixer", other, best_match) for other in MODELS[1:]}
        to_vit, to_cnn = (self.similarity.recall(other, found) for other, found in find.items())
        return {
            "M1a": {("mixer",): split["mixer"]},
            "M1b": {("mixer",): split["mixer"], ("vit",): -split["vit"]},
            "M2": self.similarity.share_out(to_vit[:, :, None] - to_cnn[:, None], *MODELS),
        }


def best_match(cka: np.ndarray) -> float:
    """M2, of either other model: best CKA of each Mixer block with any of its blocks, mean over Mixer blocks.

    Args:
        cka: (Mixer blocks, blocks of the other), calibrated, see `seelike.measures.similarities.shuffled`.
    """
    return float(cka.max(1).mean())


def _find_layers(cast: Cast) -> dict[str, tuple[str, ...]]:
    return {role: cast.ask(role, lambda own: own.names("all")) for role in MODELS}


def _find_blocks(cast: Cast) -> dict[str, tuple[str, ...]]:
    found = {role: cast.ask(role, Architecture.names) for role in MODELS}
    for role, names in found.items():
        if len(names) < 3:
            raise InputError(f"{role} must have at least 3 blocks to compare, not {len(names)}")
    return found


CHAPTER = Chapter(
    "mixer",
    lambda loaded, run: measure_runs(loaded, run.minibatches, run.read_classes()),
    required=MODELS,
    vary=vary_runs,
)
