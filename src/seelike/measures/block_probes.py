"""Section 8 of the paper: what can be read off every block of a model, from the first to the last (Figs 13, F.1-F.3).

A probe sees a block's tokens averaged over all positions of its grid, as `seelike.activations.tokens` brings them to
it; a CLS or register token is left out. How probes learn and are tested is said in `seelike.measures.probes`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.forward import Reading
from seelike.activations.tokens import Blocks
from seelike.measures.features import Features
from seelike.measures.intervals import Estimate, bootstrap
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import assemble, feed


@dataclass(frozen=True)
class PooledTokens:
    """Reads the mean over all positions of some blocks."""

    blocks: Blocks

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{block: (n, channels)}."""
        return self.blocks.reading(model, images, lambda tokens: tokens.grid.mean((1, 2)))


@dataclass(frozen=True)
class ProbeCurve:
    """Accuracy of probes by block of one model; `draws` is (folds, blocks)."""

    blocks: tuple[str, ...]
    draws: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """(blocks,), the mean over folds."""
        return self.draws.mean(0)


def probe_blocks(
    models: dict[str, nn.Module],
    minibatches: Iterable[dict[str, torch.Tensor]],
    labels: torch.Tensor,
    folds: Sequence[Fold],
) -> dict[str, ProbeCurve]:
    """Pass the images once through all models, and probe every block.

    Args:
        minibatches: of the same images for all, {model: (n, 3, h, w)}, none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`, the same for all models and blocks.

    Raises InputError, which names the model, if a block's output has no positions.
    """
    (cast,), minibatches = assemble([models], minibatches)
    kept = {role: cast.measure(role, lambda own: Features(PooledTokens(own.blocks()), len(labels))) for role in models}
    found = feed(minibatches, cast)
    return {
        role: ProbeCurve(tuple(found[each]), measure_accuracy(found[each], labels, folds))
        for role, each in kept.items()
    }


def compare(one: ProbeCurve, other: ProbeCurve, summary: Callable[[np.ndarray], float], seed: int) -> Estimate:
    """`summary` of one model's mean accuracies (blocks,) − of another's, with an interval over folds.

    Both are probed on the same folds, and a fold is drawn for both at once.
    """
    numbers = np.arange(len(one.draws))
    return bootstrap(
        numbers, lambda chosen: summary(one.draws[chosen].mean(0)) - summary(other.draws[chosen].mean(0)), seed
    )


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
