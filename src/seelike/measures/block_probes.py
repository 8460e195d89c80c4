"""Section 8 of the paper: what can be read off every block of a model, from the first to the last (Figs 13, F.1-F.3).

A probe sees a block's tokens averaged over all positions of its grid, as `seelike.activations.tokens` brings them to
it, without CLS and register tokens; where the model has a CLS token, another probe sees that alone. How probes learn
and are tested is said in `seelike.measures.probes`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import assemble, feed
from seelike.measures.token_kinds import CLS, POOLED, TokenKinds, split_by_kind

BEST = "best"  # of a model's readouts


@dataclass(frozen=True)
class ProbeCurve:
    """Accuracy of probes by block of one model; `readouts` holds, for each, (folds, blocks)."""

    blocks: tuple[str, ...]
    readouts: dict[str, np.ndarray]

    def values(self, readout: str = POOLED) -> np.ndarray:
        """(blocks,), the mean over folds."""
        return self.readouts[readout].mean(0)

    def find_best(self) -> str:
        """The readout of the greatest accuracy, averaged over the depth and all folds.

        A choice among two by the very folds that are reported is a little optimistic, for models with a CLS token.
        """
        return max(self.readouts, key=lambda readout: depth_averaged_accuracy(self.values(readout)))

    def choose(self, readout: str) -> str:
        """The best readout for `BEST`; another where the model has it, else pooled tokens."""
        return self.find_best() if readout == BEST else readout if readout in self.readouts else POOLED

    def average_depth(self, readout: str = BEST) -> np.ndarray:
        """D4 of one model: the replicates of a readout's accuracy averaged over all of the depth, (folds + 1,)."""
        return self._replicate(depth_averaged_accuracy, self.choose(readout))

    def find_earliness(self, chance: float, readout: str = BEST) -> np.ndarray:
        """The replicates of how early a readout tells what it tells at best, (folds + 1,)."""
        return self._replicate(partial(early_share, chance=chance), self.choose(readout))

    def average_middle(self, readout: str = POOLED, parts: int = 3) -> np.ndarray:
        """D3, D5 of one model: the replicates of a readout's accuracy in the middle third, or other part."""
        return self._replicate(partial(middle_third_accuracy, parts=parts), self.choose(readout))

    def _replicate(self, summary: Callable[[np.ndarray], float], readout: str) -> np.ndarray:
        draws = self.readouts[readout]
        return jackknife(len(draws), lambda chosen: summary(draws[chosen].mean(0)))


def probe_blocks(
    models: dict[str, nn.Module],
    minibatches: Iterable[dict[str, torch.Tensor]],
    labels: torch.Tensor,
    folds: Sequence[Fold],
) -> dict[str, ProbeCurve]:
    """Pass the images once through all models, and probe every block, by every readout that there is.

    Args:
        minibatches: of the same images for all, {model: (n, 3, h, w)}, none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`, the same for all models, blocks and readouts.

    Raises InputError, which names the model, if a block's output has no positions.
    """
    (cast,), minibatches = assemble([models], minibatches)
    read = lambda own: Features(TokenKinds(own.blocks(), singles=False), len(labels))  # noqa: E731
    kept = {role: cast.measure(role, read) for role in models}
    found = feed(minibatches, cast)
    return {role: _probe(found[each], labels, folds) for role, each in kept.items()}


def _probe(features: dict[tuple[str, str], torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold]) -> ProbeCurve:
    by_readout = split_by_kind(features)
    readouts = [readout for readout in (POOLED, CLS) if readout in by_readout]
    accuracies = {readout: measure_accuracy(by_readout[readout], labels, folds) for readout in readouts}
    return ProbeCurve(tuple(by_readout[POOLED]), accuracies)


def middle_third_accuracy(accuracy: np.ndarray, parts: int = 3) -> float:
    """D3, D5: the mean over the middle third of blocks, of (blocks,).

    As many blocks as a third, rounded down, at least one; as many before them as after them, or one less.
    """
    third = max(1, len(accuracy) // parts)
    start = (len(accuracy) - third) // 2
    return float(accuracy[start : start + third].mean())


def depth_averaged_accuracy(accuracy: np.ndarray) -> float:
    """D4: the mean over the depth, from the first block (0) to the last (1), of (blocks,), by the trapezoidal rule."""
    return float(np.trapezoid(accuracy, dx=1 / (len(accuracy) - 1)))


def early_share(accuracy: np.ndarray, chance: float) -> float:
    """Of what the best block tells beyond chance the share that is told on average over the depth, of (blocks,).

    1 if every block tells as much as the best; NaN where none tells more than chance.
    """
    best = accuracy.max() - chance
    return (depth_averaged_accuracy(accuracy) - chance) / best if best > 0 else math.nan
