"""The paper's discussion: does an MLP-Mixer see like a ViT or like a ResNet?

A Mixer has a ViT's patches and no attention. One CKA matrix holds the blocks of Mixer, ViT and CNN (Figs H.1, H.2).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.chapters.chapter import Chapter
from seelike.measures.cka import Similarity, contrast
from seelike.measures.intervals import Estimate
from seelike.measures.layer_cka import Minibatches, compare_runs, split_by_model
from seelike.measures.runner import Cast
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

MODELS = ("mixer", "vit", "cnn")


def measure_runs(loaded: Iterable[dict[str, nn.Module]], find_minibatches: Minibatches) -> Iterator["MixerSimilarity"]:
    """Pass the images once through all models of every run, also those that several share, and compare all blocks.

    Args:
        loaded: {"mixer": …, "vit": …, "cnn": …}, as `run.load_models()` or `run.load_controls()` gives.
        find_minibatches: `run.minibatches`, of the same images for all, {name: (n, 3, h, w)}.

    Raises InputError, which names the model, for one of fewer than three blocks: it has no two parts.
    """
    for blocks, similarity in compare_runs(loaded, find_minibatches, _find_blocks, dict):
        yield MixerSimilarity(blocks, similarity)


@dataclass(frozen=True)
class MixerSimilarity:
    """CKA of the blocks of three models; `blocks` maps a model to their names, in the order of `similarity`."""

    blocks: dict[str, tuple[str, ...]]
    similarity: Similarity

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: each model alone, its best split marked, and the Mixer against both."""
        parts, cka = self._split(self.similarity.values), {}
        for role, blocks in self.blocks.items():
            own = parts[role, role]
            cka[role] = LabelledArray({"layer": blocks, "other": blocks}, own, boundaries=[find_split(own)])
        for other in MODELS[1:]:
            axes = {"mixer_layer": self.blocks["mixer"], f"{other}_layer": self.blocks[other]}
            cka[f"mixer_{other}"] = LabelledArray(axes, parts["mixer", other])
        return {"cka": cka}

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """M1 and M2 with intervals over minibatches; the best split is looked for anew in every resample."""
        return {
            claim: self.similarity.estimate(lambda cka, effect=effect: effect(self._split(cka)), seed)
            for claim, effect in (("M1", split_contrast_gap), ("M2", best_match_gap))
        }

    def _split(self, cka: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        """The matrix of all blocks → that of each pair of models, by their names."""
        return split_by_model(cka, {role: len(blocks) for role, blocks in self.blocks.items()})


def best_contrast(cka: np.ndarray) -> float:
    """The largest contrast of two parts, of a model's own (blocks, blocks) CKA.

    The first k blocks are one part and the rest the other, 1 ≤ k ≤ blocks/2; the contrast is the mean CKA of all pairs
    of different blocks in the same part, both parts' pairs pooled, − the mean of all pairs across.
    """
    return max(_contrasts(cka))


def find_split(cka: np.ndarray) -> int:
    """The k of the largest contrast, the smallest if several are."""
    return int(np.argmax(_contrasts(cka))) + 1


def split_contrast_gap(cka: dict[tuple[str, str], np.ndarray]) -> float:
    """M1: the `best_contrast` of the Mixer − that of the ViT."""
    return best_contrast(cka["mixer", "mixer"]) - best_contrast(cka["vit", "vit"])


def best_match_gap(cka: dict[tuple[str, str], np.ndarray]) -> float:
    """M2: the best CKA of each Mixer block with any ViT block − with any CNN block, the mean over Mixer blocks."""
    return float(cka["mixer", "vit"].max(1).mean() - cka["mixer", "cnn"].max(1).mean())


def _contrasts(cka: np.ndarray) -> list[float]:
    return [contrast(cka, np.arange(len(cka)) < k) for k in range(1, len(cka) // 2 + 1)]


def _find_blocks(cast: Cast) -> dict[str, tuple[str, ...]]:
    found = {role: cast.ask(role, Architecture.names) for role in MODELS}
    for role, names in found.items():
        if len(names) < 3:
            raise InputError(f"{role} must have at least 3 blocks to compare, not {len(names)}")
    return found


CHAPTER = Chapter("mixer", lambda loaded, run: measure_runs(loaded, run.minibatches), required=MODELS)
