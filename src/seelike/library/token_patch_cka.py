"""Whether the tokens of a model's blocks still tell where they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from seelike.library.loaders import check_model, find_minibatches, move_all, warn_of_repeats
from seelike.library.measured import Chosen, Measured
from seelike.measures.runner import feed_one
from seelike.measures.token_patch_cka import Products, TokenPatch
from seelike.results.labelled_array import LabelledArray


def token_patch_cka(vit: nn.Module, loader: Iterable[Any]) -> "TokenPatchCKA":
    """CKA of every token of every block with every patch of the input (paper, section 7).

    Args:
        vit: a ViT, or a CNN, whose positions are its tokens: a model whose blocks timm groups, or that calls them
            `blocks`. It is left as it was.
        loader: minibatches of at least four images: tensors, (images, labels), or dictionaries with `pixel_values`.

    Raises InputError for a model without positions, or a loader that cannot be used.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(32)[0] / 127.5 - 1
    >>> found = sl.token_patch_cka(vit, images.split(16))
    >>> found.values.shape, found.localization_score.values.shape
    ((8, 49, 49), (8,))
    """
    check_model("vit", vit)
    return TokenPatchCKA(
        feed_one(vit, move_all("vit", vit, warn_of_repeats(find_minibatches(loader))), Products, "vit")
    )


@dataclass(frozen=True)
class TokenPatchCKA(Measured):
    """CKA (blocks, tokens, patches), tokens and patches row by row, "row,column" each."""

    found: TokenPatch

    @property
    def n_draws(self) -> int:
        """How many minibatches there are."""
        return len(self.found.cross)

    @property
    def localization_score(self) -> LabelledArray:
        """(layers,): how much more interior tokens resemble their own than other interior patches, on average."""
        return self.found.score_array()

    @property
    def edge_score(self) -> LabelledArray:
        """(layers,): how much more alike edge tokens are to other edge patches than to interior ones.

        First that of tokens which are the pixels themselves.
        """
        return self.found.edge_array()

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(blocks, tokens, patches), from some minibatches; NaN where a token or a patch never varies."""
        return self.found.cka(chosen)

    def array(self) -> LabelledArray:
        """With axes `layer`, `token` and `patch`."""
        blocks = self.found.blocks
        positions = [f"{y},{x}" for y in range(blocks.rows) for x in range(blocks.columns)]
        return LabelledArray({"layer": blocks.names, "token": positions, "patch": positions}, self.values)
