"""Is a CNN better read from several stages together? What DuoFormer's tokens rest on (Tang et al. 2024), by probes.

Probes (`seelike.measures.probes`) for another task see what the last stage returns, pooled, or the last two stages side
by side, and so on to all of them. A model without stages has one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.measures.features import Features
from seelike.measures.probes import Fold, measure_accuracy
from seelike.measures.runner import feed_one
from seelike.measures.token_kinds import POOLED, TokenKinds, split_by_kind
from seelike.results.labelled_array import LabelledArray


def probe_stages(
    model: nn.Module, minibatches: Iterable[torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold]
) -> LabelledArray:
    """Accuracy of probes that see the last stage, the last two together, … all of them: (sizes,), means over folds.

    Args:
        minibatches: of shape (n, 3, height, width), none left over.
        labels: of all images, in their order.
        folds: from `probes.choose_folds(labels)`.

    Raises InputError for a model whose blocks have no positions.
    """

    def read(own: Architecture) -> Features:
        blocks = own.blocks()
        ends = find_ends({name: own.stages[name] for name in blocks.names})
        return Features(TokenKinds(replace(blocks, names=ends), singles=False), len(labels))

    ends = list(split_by_kind(feed_one(model, minibatches, read))[POOLED].values())
    together = {str(size): torch.cat(ends[-size:], 1) for size in range(1, 1 + len(ends))}
    accuracy = measure_accuracy(together, labels, folds).mean(0)
    return LabelledArray({"last stages": range(1, 1 + len(ends))}, accuracy)


def find_ends(stages: dict[str, str]) -> tuple[str, ...]:
    """The last block of every stage, from input to output.

    Args:
        stages: block → its stage, in the order of a pass.
    """
    return tuple({stage: block for block, stage in stages.items()}.values())
