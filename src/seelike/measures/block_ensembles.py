"""Is a ViT better read from several blocks together? Naseer et al. (2021), Fig. 15 and Table 5.

Probes (`seelike.measures.probes`) for another task see the CLS token of the last block, or those of the last half of
blocks side by side, all their channels as one list. Where a model has no CLS token, its pooled tokens stand for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import feed_one
from seelike.measures.token_kinds import CLS, POOLED, TokenKinds, split_by_kind
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
        """I6: the replicates of the last half of blocks − the last block, (draws + 1,)."""
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
    found = feed_one(model, minibatches, lambda own: Features(TokenKinds(own.blocks(), singles=False), len(labels)))
    kinds = split_by_kind(found)
    blocks = list(kinds.get(CLS, kinds[POOLED]).values())
    together = {size: torch.cat(blocks[-size:], 1) for size in range(1, 1 + max(1, len(blocks) // 2))}
    return Ensembles(measure_accuracy(together, labels, folds))
