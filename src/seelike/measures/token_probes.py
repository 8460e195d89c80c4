"""Section 7 of the paper: what single tokens, the CLS token and all tokens pooled tell, block by block.

Probes (`seelike.measures.probes`) for the class (Figs 11, D.4, F.3) and, which the paper could not measure, for the
position of the object: its x and y in the image. Kinds of token are those of `seelike.measures.token_kinds`; the
position is also read off the kept single tokens side by side, all their channels as one list.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.measures.features import Features
from seelike.measures.intervals import Terms, jackknife
from seelike.measures.probes import Fold, measure_accuracy, measure_r2
from seelike.measures.runner import feed_one
from seelike.measures.token_kinds import CLS, POOLED, SINGLE, TokenKinds, split_by_kind
from seelike.results.labelled_array import LabelledArray, Measures

Kinds = dict[str, dict[str, torch.Tensor]]  # kind of token → block → features
MOST_BLOCKS = 12  # whose features are kept


def probe_tokens(
    model: nn.Module,
    minibatches: Iterable[torch.Tensor],
    labels: torch.Tensor,
    folds: list[Fold],
    centers: torch.Tensor | None = None,
    most_blocks: int = MOST_BLOCKS,
) -> "Readout":
    """Pass the images once through a model, and probe evenly spread blocks, the first and the last among them.

    Args:
        minibatches: of shape (n, 3, height, width), none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`, the same for all models, kinds and blocks.
        centers: (images, 2) x and y of the object, if they are known and wanted.
        most_blocks: how many of them at most, two or more.

    Raises InputError if a block's output has no positions.
    """
    return probe_kinds(read_kinds(model, minibatches, len(labels), most_blocks), labels, folds, centers)


def read_kinds(
    model: nn.Module, minibatches: Iterable[torch.Tensor], n_images: int, most_blocks: int = MOST_BLOCKS
) -> Kinds:
    """Kind of token → block → its features of all images, in their order; arguments as for `probe_tokens`."""
    found = feed_one(model, minibatches, lambda own: Features(TokenKinds(own.blocks(most_blocks)), n_images))
    return split_by_kind(found)


def probe_kinds(
    features: Kinds, labels: torch.Tensor, folds: list[Fold], centers: torch.Tensor | None = None
) -> "Readout":
    """What probes read off features; other arguments as for `probe_tokens`."""
    accuracy = {kind: measure_accuracy(of, labels, folds) for kind, of in features.items()}
    r2 = {}
    if centers is not None:
        together = {name: each.flatten(1) for name, each in features[SINGLE].items()}
        features = features | {"side by side": together}
        r2 = {kind: measure_r2(of, centers, folds) for kind, of in features.items()}
    return Readout(tuple(features[POOLED]), accuracy, r2, len(labels.unique()))


@dataclass(frozen=True)
class Readout:
    """What probes read off one model: kind of token → (draws, blocks), accuracies, and R² of the object's position."""

    blocks: tuple[str, ...]
    accuracy: dict[str, np.ndarray]
    r2: dict[str, np.ndarray]
    n_classes: int

    def replicates(self, kind: str, block: int = -1) -> np.ndarray:
        """Those of the accuracy of one kind of token over draws, (draws + 1,), by default at the last block."""
        draws = self.accuracy[kind][:, block]
        return jackknife(len(draws), lambda chosen: draws[chosen].mean())


def arrays(found: dict[str, Readout]) -> Measures:
    """Labelled arrays for a result file, kind × layer, the mean over draws."""
    measures: Measures = {"probe_accuracy": {}, "position_r2": {}}
    for role, each in found.items():
        for measure, draws in (("probe_accuracy", each.accuracy), ("position_r2", each.r2)):
            if draws:
                axes = {"kind": list(draws), "layer": list(each.blocks)}
                values = np.array([of.mean(0) for of in draws.values()])
                measures[measure][role] = LabelledArray(axes, values)
    return {measure: models for measure, models in measures.items() if models}


def find_terms(found: dict[str, Readout]) -> dict[str, Terms]:
    """L5, L6, L8 and L9, all at the last block; none without a GAP model.

    - L5a: single tokens, GAP − CLS; L5b: those of the CLS model, above chance, which is 1/classes;
    - L6a: CLS token − pooled tokens of the CLS model; L6b, L9b: pooled − single tokens of the GAP model;
    - L8a, L8b: CLS token of the CLS model − pooled tokens of the GAP model;
    - L9a: single tokens of the GAP model, last − first block; L9c: those of the first block, above chance.

    Args:
        found: {"vit": …, "vit_gap": …}. L6 and L8 are left out if the first has no CLS token, L9 if the second has but
            one block.
    """
    if "vit_gap" not in found:
        return {}
    vit, gap = found["vit"], found["vit_gap"]
    of_vit, single, pooled = vit.replicates(SINGLE), gap.replicates(SINGLE), gap.replicates(POOLED)
    pooling = {("vit_gap",): pooled - single}
    terms = {
        "L5a": {("vit_gap",): single, ("vit",): -of_vit},
        "L5b": {("vit",): of_vit - 1 / vit.n_classes},
    }
    if CLS in vit.accuracy:
        cls = vit.replicates(CLS)
        natively = {("vit",): cls, ("vit_gap",): -pooled}
        terms |= {"L6a": {("vit",): cls - vit.replicates(POOLED)}, "L6b": pooling, "L8a": natively, "L8b": natively}
    if len(gap.blocks) > 1:
        early = gap.replicates(SINGLE, 0)
        terms |= {"L9a": {("vit_gap",): single - early}, "L9b": pooling}
        terms["L9c"] = {("vit_gap",): early - 1 / gap.n_classes}
    return terms
