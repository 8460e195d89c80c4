"""Section 8 of the paper: what can be read off every block of a model, from the first to the last (Figs 13, F.1-F.3).

A probe sees a block's tokens averaged over all positions of its grid, as `seelike.activations.tokens` brings them to
it, without CLS and register tokens; where the model has a CLS token, another probe sees that alone. How probes learn
and are tested is said in `seelike.measures.probes`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.tokens import Blocks, Tokens
from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import assemble, feed

POOLED, CLS = "pooled", "CLS"


@dataclass(frozen=True)
class BlockReadouts:
    """Reads of some blocks the mean over all positions, and the CLS token, where the model has one."""

    blocks: Blocks

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[tuple[str, str], torch.Tensor]]:
        """{(readout, block): (n, channels)}."""
        kept: dict[tuple[str, str], torch.Tensor] = {}
        with self.blocks.reading(model, images, self._reduce) as found:
            yield kept
        kept |= {(readout, block): each[readout] for readout in self.readouts for block, each in found.items()}

    @property
    def readouts(self) -> tuple[str, ...]:
        return (POOLED, CLS) if self.blocks.has_cls else (POOLED,)

    def _reduce(self, tokens: Tokens) -> dict[str, torch.Tensor]:
        found = {POOLED: tokens.grid.mean((1, 2))}
        if CLS in self.readouts:
            found[CLS] = tokens.prefix[:, 0].clone()  # what follows may change the rest in place
        return found


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

    def best_readout(self) -> np.ndarray:
        """D4 of one model: the replicates of its best readout's accuracy averaged over the depth, (folds + 1,)."""
        return self._replicate(depth_averaged_accuracy, self.find_best())

    def middle_blocks(self) -> np.ndarray:
        """D3, D5 of one model: the replicates of pooled tokens' accuracy in the middle third, (folds + 1,)."""
        return self._replicate(middle_third_accuracy, POOLED)

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
    kept = {role: cast.measure(role, lambda own: Features(BlockReadouts(own.blocks()), len(labels))) for role in models}
    found = feed(minibatches, cast)
    return {role: _probe(found[each], labels, folds) for role, each in kept.items()}


def _probe(features: dict[tuple[str, str], torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold]) -> ProbeCurve:
    by_readout: dict[str, dict[str, torch.Tensor]] = {}
    for (readout, block), of in features.items():
        by_readout.setdefault(readout, {})[block] = of
    accuracies = {readout: measure_accuracy(of, labels, folds) for readout, of in by_readout.items()}
    return ProbeCurve(tuple(by_readout[POOLED]), accuracies)


def middle_third_accuracy(accuracy: np.ndarray) -> float:
    """D3, D5: the mean over the middle third of blocks, of (blocks,).

    As many blocks as a third, rounded down, at least one; as many before them as after them, or one less.
    """
    third = max(1, len(accuracy) // 3)
    start = (len(accuracy) - third) // 2
    return float(accuracy[start : start + third].mean())


def depth_averaged_accuracy(accuracy: np.ndarray) -> float:
    """D4: the mean over the depth, from the first block (0) to the last (1), of (blocks,), by the trapezoidal rule."""
    return float(np.trapezoid(accuracy, dx=1 / (len(accuracy) - 1)))
