"""Linear segmentation: what each patch of an image shows, read off its token by one linear map for all positions.

- **Labels.** 0 is ground; a patch bears the label of the image's object where at least half of its pixels show it.
- **Probe.** Ridge regression to a target of ±1 for each label, as in `seelike.measures.probes`, but that a row is a
  patch: standardised alike at all positions, every label weighed by how often it occurs, the largest output taken.
- **Folds.** Images are dealt into ten disjoint folds in an order drawn from the seed; of each three fifths are for
  training, a fifth of them to choose the penalty, the others for testing.
- **Score.** mIoU: of each label the patches that have it both in truth and by the probe, over those that have it in
  either; the mean over labels. All test patches count together, in one table of truth by probe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, one_hot

from seelike.activations.tokens import Blocks
from seelike.measures.intervals import leave_out_each
from seelike.measures.probes import DRAWS, Fold, check_finite, read

GROUND = 0
UNSEEN = -1  # instead of a label: the image was for training
LEAST = 3  # images of a fold
TRAINED = 0.6  # of the images of a fold
LEVELS = 4  # blocks that are read together
PIXELS = "pixels"  # raw patches, among models
SIDE = 8  # pixels a side of what is read of a raw patch


def label_patches(masks: torch.Tensor, objects: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """The labels (n, positions), row by row, of images whose pixels (n, height, width) bool show an object.

    Args:
        objects: (n,) what the object of each image is, 0 and up.
        grid: rows and columns of patches.
    """
    shares = adaptive_avg_pool2d(masks[:, None].float(), grid)[:, 0]
    return torch.where(shares >= 0.5, 1 + objects[:, None, None], GROUND).flatten(1)


def deal(n_images: int, seed: int) -> list[Fold]:
    """Deal images into disjoint folds: ten, or fewer where each would have fewer than three images."""
    order = torch.randperm(n_images, generator=torch.Generator().manual_seed(seed))
    n_draws = max(1, min(DRAWS, n_images // LEAST))
    return [_split(order[fold::n_draws]) for fold in range(n_draws)]


def predict(tokens: torch.Tensor, labels: torch.Tensor, folds: Sequence[Fold], n_labels: int) -> torch.Tensor:
    """What probes take the patches of test images for, (n, positions); `UNSEEN` in images for training.

    Args:
        tokens: (n, positions, channels).
        labels: (n, positions), from 0 to n_labels − 1.

    Raises InputError for tokens that are not finite.
    """
    check_finite(tokens)
    n, positions = labels.shape
    rows, signs = tokens.flatten(0, 1), 2.0 * one_hot(labels.flatten(), n_labels).double() - 1
    found = torch.full((n * positions,), UNSEEN)
    for fold in folds:
        fold = _spread(fold, positions)
        found[fold.test] = read(rows, signs, fold)[0].argmax(-1)
    return found.view(n, positions)


def count(found: torch.Tensor, labels: torch.Tensor, folds: Sequence[Fold], n_labels: int) -> np.ndarray:
    """How many test patches of each label are taken for which, (folds, labels, labels)."""
    return np.stack([tabulate(found[fold.test], labels[fold.test], n_labels) for fold in folds])


def tabulate(found: torch.Tensor, labels: torch.Tensor, n_labels: int) -> np.ndarray:
    """How many places of each label, a row each, are taken for which: (labels, labels)."""
    pairs = n_labels * labels.flatten().long() + found.flatten()
    return pairs.bincount(minlength=n_labels**2).view(n_labels, n_labels).numpy()


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """mIoU of tables (…, labels, labels); labels that are in neither truth nor answers are left out of the mean."""
    return np.nanmean(find_ious(counts), -1)


def find_ious(counts: np.ndarray) -> np.ndarray:
    """Of tables (…, labels, labels) the IoU of each label, (…, labels); NaN of those in neither truth nor answers."""
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(-1) + counts.sum(-2) - both
    return np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0)


def mean_iou_of_objects(counts: np.ndarray) -> np.ndarray:
    """The mean of the same labels, but for ground."""
    return np.nanmean(find_ious(counts)[..., GROUND + 1 :], -1)


def share_right(counts: np.ndarray) -> np.ndarray:
    """The share of places whose answer is their label, of tables (…, labels, labels)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum((-2, -1))


@dataclass(frozen=True)
class Segmentation:
    """What probes make of one model: tables of truth by probe, (folds, labels, labels), of some blocks.

    `together` is the table of the blocks at the ends of quarters of the depth, side by side, if it was asked for;
    `found` what patches are taken for by the last block, (n, positions).
    """

    counts: dict[str, np.ndarray]
    found: torch.Tensor
    together: np.ndarray | None = None

    def values(self) -> np.ndarray:
        """(blocks,): mIoU by block."""
        return np.array([mean_iou(counts.sum(0)) for counts in self.counts.values()])

    def replicates(self, blocks: slice = slice(-1, None)) -> np.ndarray:
        """Those of the mean mIoU of some blocks over folds, (folds + 1,): by default of the last block."""
        return np.mean([replicate(counts) for counts in [*self.counts.values()][blocks]], 0)

    def growth(self) -> np.ndarray:
        """H2: the replicates of last − first third of blocks; a third is rounded down, at least one block."""
        third = max(1, len(self.counts) // 3)
        return self.replicates(slice(-third, None)) - self.replicates(slice(third))

    def gain(self) -> np.ndarray:
        """H6: the replicates of four blocks together − the last."""
        return replicate(self.together) - self.replicates()


def replicate(counts: np.ndarray, score: Callable[[np.ndarray], np.ndarray] = mean_iou) -> np.ndarray:
    """The replicates of a score over folds, or other draws, of tables (folds, labels, labels): (folds + 1,)."""
    return np.array([score(each) for each in leave_out_each(counts)])


def segment(
    tokens: dict[str, torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold], n_labels: int, together: bool
) -> Segmentation:
    """Probe the tokens of every block, {block: (n, positions, channels)}, and perhaps of several together."""
    found = {block: predict(each, labels, folds, n_labels) for block, each in tokens.items()}
    counts = {block: count(each, labels, folds, n_labels) for block, each in found.items()}
    several = None
    if together:
        every = [*tokens.values()]
        side_by_side = torch.cat([every[i] for i in choose_levels(len(every))], -1)
        several = count(predict(side_by_side, labels, folds, n_labels), labels, folds, n_labels)
    return Segmentation(counts, [*found.values()][-1], several)


def choose_levels(n_blocks: int) -> list[int]:
    """Which blocks are read together: those at the ends of quarters of the depth, fewer where there are not so many."""
    return sorted({max(0, n_blocks * quarter // LEVELS - 1) for quarter in range(1, LEVELS + 1)})


def choose_examples(found: torch.Tensor, objects: torch.Tensor) -> list[int]:
    """Of each object the first image that probes were tested on, by `found` (n, positions): its number."""
    tested = (found[:, 0] != UNSEEN).nonzero()[:, 0].tolist()
    firsts = {int(objects[image]): image for image in reversed(tested)}
    return [firsts[each] for each in sorted(firsts)]


@dataclass(frozen=True)
class GridTokens:
    """Reads the tokens of some blocks at all positions of their grid: {block: (n, positions, channels)}."""

    blocks: Blocks

    def reading(self, model: nn.Module, images: torch.Tensor):
        """Context in which a pass fills it."""
        return self.blocks.reading(model, images, lambda tokens: tokens.grid.flatten(1, 2).clone())


def cut_patches(images: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """The pixels of each patch of images (n, 3, height, width), brought to 8×8: (n, positions, 192)."""
    rows, columns = grid
    pooled = adaptive_avg_pool2d(images, (SIDE * rows, SIDE * columns))
    patches = pooled.unflatten(3, (columns, SIDE)).unflatten(2, (rows, SIDE)).permute(0, 2, 4, 1, 3, 5)
    return patches.flatten(3).flatten(1, 2)


def _split(images: torch.Tensor) -> Fold:
    n_train = max(2, int(TRAINED * len(images)))
    return Fold(images[:n_train], images[n_train:], max(1, n_train // 5))


def _spread(fold: Fold, positions: int) -> Fold:
    """The same of patches, all positions of an image one after another."""
    train, test = (
        (positions * images[:, None] + torch.arange(positions)).flatten() for images in (fold.train, fold.test)
    )
    return Fold(train, test, positions * fold.n_held_out)
