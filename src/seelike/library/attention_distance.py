"""How far the attention heads of a ViT look."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from seelike.library.loaders import check_model, find_minibatches, move_all
from seelike.library.measured import Chosen, Measured
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray


def attention_distance(vit: nn.Module, loader: Iterable[Any]) -> "HeadDistances":
    """Mean attention distance of every head, in pixels (paper, section 5).

    Args:
        vit: a ViT of timm's, or one built like them: attention among all patches, its maps in `attn_drop`. It is left
            as it was.
        loader: minibatches: tensors, (images, labels), or dictionaries with `pixel_values`.

    Raises InputError for a model of another kind, or a loader that cannot be used.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(16)[0] / 127.5 - 1
    >>> found = sl.attention_distance(vit, images.split(8))
    >>> found.values.shape, bool((found.values < 56 * 2**0.5).all())
    ((8, 4), True)
    """
    check_model("vit", vit)
    return HeadDistances(feed_one(vit, move_all("vit", vit, find_minibatches(loader)), Distances, "vit"))


@dataclass(frozen=True)
class HeadDistances(Measured):
    """Mean attention distance (blocks, heads) in pixels, heads in the model's own order."""

    found: AttentionDistance

    @property
    def n_draws(self) -> int:
        """How many minibatches there are."""
        return len(self.found.minibatches)

    @property
    def uniform(self) -> float:
        """The distance of a head that attends to all patches alike, in pixels."""
        return self.found.uniform

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(blocks, heads), pixels, from some minibatches."""
        return self.found.minibatches[chosen].mean(0)

    def array(self) -> LabelledArray:
        """With axes `block` and `head`, in px."""
        return self.found.array()
