"""Section 7 of the paper: what single tokens, the CLS token and all tokens pooled tell, block by block.

Probes (`seelike.measures.probes`) for the class (Figs 11, D.4, F.3) and, which the paper could not measure, for the
position of the object: its x and y in the image. Kinds of token, and which of them are kept, are `TokenKinds`'; the
position is also read off the kept single tokens side by side, all their channels as one list.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture, spread
from seelike.activations.tokens import Blocks, Tokens
from seelike.measures.features import Features
from seelike.measures.intervals import Estimate, bootstrap
from seelike.measures.probes import Fold, measure_accuracy, measure_r2
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray, Measures

MOST_BLOCKS = 12  # whose features are kept
MOST_A_SIDE = 4  # single tokens that are kept, of each row and column


def probe_tokens(
    model: nn.Module,
    minibatches: Iterable[torch.Tensor],
    labels: torch.Tensor,
    folds: list[Fold],
    centers: torch.Tensor | None = None,
    last_only: bool = False,
) -> "Readout":
    """Pass the images once through a model, and probe at most 12 evenly spread blocks, or the last alone.

    Args:
        minibatches: of shape (n, 3, height, width), none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`, the same for all models, kinds and blocks.
        centers: (images, 2) x and y of the object, if they are known and wanted.

    Raises InputError if a block's output has no positions.
    """
    found = feed_one(model, minibatches, lambda own: Features(TokenKinds(_choose_blocks(own, last_only)), len(labels)))
    features: dict[str, dict[str, torch.Tensor]] = {}
    for (kind, block), of in found.items():
        features.setdefault(kind, {})[block] = of
    accuracy = {kind: measure_accuracy(of, labels, folds) for kind, of in features.items()}
    r2 = {}
    if centers is not None:
        features["side by side"] = {name: each.flatten(1) for name, each in features["single"].items()}
        r2 = {kind: measure_r2(of, centers, folds) for kind, of in features.items()}
    return Readout(tuple(features["pooled"]), accuracy, r2)


def _choose_blocks(architecture: Architecture, last_only: bool) -> Blocks:
    blocks = architecture.blocks(MOST_BLOCKS)
    return replace(blocks, names=blocks.names[-1:]) if last_only else blocks


@dataclass(frozen=True)
class TokenKinds:
    """Reads what some blocks return, by kind of token.

    - "single": (n, positions, channels), at most 4 × 4 evenly spread positions of the grid, the outermost among them;
    - "CLS": (n, channels), where the model has such a token;
    - "pooled": (n, channels), the mean over all positions of the grid.
    """

    blocks: Blocks

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[tuple[str, str], torch.Tensor]]:
        """{(kind, block): its features}."""
        kept: dict[tuple[str, str], torch.Tensor] = {}
        with self.blocks.reading(model, images, self._reduce) as found:
            yield kept
        kept |= {(kind, block): of for block, kinds in found.items() for kind, of in kinds.items()}

    def _reduce(self, tokens: Tokens) -> dict[str, torch.Tensor]:
        rows, columns = (spread(n, MOST_A_SIDE) for n in (self.blocks.rows, self.blocks.columns))
        kinds = {"single": tokens.grid[:, rows][:, :, columns].flatten(1, 2)}
        if self.blocks.has_cls:
            kinds["CLS"] = tokens.prefix[:, 0].clone()  # what follows may change the rest in place
        return kinds | {"pooled": tokens.grid.mean((1, 2))}


@dataclass(frozen=True)
class Readout:
    """What probes read off one model: kind of token → (draws, blocks), accuracies, and R² of the object's position."""

    blocks: tuple[str, ...]
    accuracy: dict[str, np.ndarray]
    r2: dict[str, np.ndarray]


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


def compare(found: dict[str, Readout], seed: int) -> dict[str, Estimate]:
    """L5 and L6, with intervals over draws, the same for both models.

    Args:
        found: {"vit": …, "vit_gap": …}. L6 is left out if the first has no CLS token.
    """
    if "vit_gap" not in found:
        return {}
    vit, gap = ({kind: draws[:, -1] for kind, draws in found[role].accuracy.items()} for role in ("vit", "vit_gap"))
    draws = {"L5": gap["single"] - vit["single"]}
    if "CLS" in vit:
        draws["L6"] = (vit["CLS"] - vit["pooled"]) - (gap["pooled"] - gap["single"])
    return {claim: bootstrap(each, np.mean, seed) for claim, each in draws.items()}
