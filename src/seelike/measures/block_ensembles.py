"""Is a ViT better read from several blocks together? Naseer et al. (2021), Fig. 15 and Table 5.

Probes (`seelike.measures.probes`) for another task see the CLS token of the last block, or those of the last half of
blocks side by side, all their channels as one list. Where a model has no CLS token, its pooled tokens stand for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import feed_one
from seelike.measures.token_kinds import CLS, POOLED, TokenKinds, split_by_kind
from seelike.results.choices import DEPTHS, Choices
from seelike.results.labelled_array import LabelledArray


@dataclass(frozen=True)
class Ensembles:
    """Accuracy of probes that see the last block, the last two together, … up to the last half: (draws, sizes)."""

    accuracy: np.ndarray

    @property
    def sizes(self) -> range:
        """How many of the last blocks each probe sees."""
        return range(1, 1 + self.accuracy.shape[1])

    def array(self) -> LabelledArray:
        """The labelled array for a result file, the mean over draws."""
        return LabelledArray({"last blocks": list(self.sizes)}, self.accuracy.mean(0))

    def gains(self) -> np.ndarray:
        """I6: the replicates of the last half of blocks, the most there are, − the last block, (draws + 1,)."""
        gained = self.accuracy[:, -1] - self.accuracy[:, 0]
        return jackknife(len(gained), lambda chosen: gained[chosen].mean())


def probe_ensembles(
    model: nn.Module, minibatches: Iterable[torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold]
) -> Ensembles:
    """Pass the images once through a model, and probe its last blocks together.

    Args:
        minibatches: of shape (n, 3, height, width), none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`.
    """
    blocks = _read_blocks(model, minibatches, len(labels))[CLS]
    sizes = range(1, 1 + max(1, len(blocks) // 2))
    return Ensembles(measure_accuracy(_join(blocks, sizes), labels, folds))


def vary_ensembles(
    model: nn.Module, minibatches: Iterable[torch.Tensor], labels: torch.Tensor, folds: dict[str, Sequence[Fold]]
) -> Iterator[tuple[Choices, Ensembles]]:
    """The last block, and the last half or third of all blocks, two or more: by readout, and by some sets of folds."""
    for readout, blocks in _read_blocks(model, minibatches, len(labels)).items():
        ends = {depth: max(2, len(blocks) // DEPTHS[depth]) for depth in ("halves", "thirds")}
        together = _join(blocks, (1, *ends.values()))
        for shots, own in folds.items():
            accuracy = dict(zip(together, measure_accuracy(together, labels, own).T, strict=True))
            for depth, size in ends.items():
                choices = {"readout": readout, "shots": shots, "depth": depth}
                yield choices, Ensembles(np.stack([accuracy[1], accuracy[size]], 1))


def _read_blocks(model: nn.Module, minibatches: Iterable[torch.Tensor], n_images: int) -> dict[str, list[torch.Tensor]]:
    """Of every block the CLS tokens, for which pooled ones stand where there are none, and the pooled tokens."""
    found = feed_one(model, minibatches, lambda own: Features(TokenKinds(own.blocks(), singles=False), n_images))
    kinds = split_by_kind(found)
    return {kind: list(kinds.get(kind, kinds[POOLED]).values()) for kind in (CLS, POOLED)}


def _join(blocks: list[torch.Tensor], sizes: Iterable[int]) -> dict[int, torch.Tensor]:
    return {size: torch.cat(blocks[-size:], 1) for size in sizes}
