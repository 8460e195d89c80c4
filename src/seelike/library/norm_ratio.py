"""How much of every residual sum of a model is the skip, and how much the branch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from seelike.library.loaders import check_model, find_minibatches, move_all
from seelike.library.measured import Chosen, Measured
from seelike.measures.norm_ratio import NormRatios, Ratios
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray


def norm_ratio(vit: nn.Module, loader: Iterable[Any]) -> "NormRatio":
    """Norm of the skip over norm of the branch, ‖z‖ / ‖f(z)‖, by sublayer and kind of token (paper, section 6).

    Over images and tokens ratios are averaged by their geometric mean.

    Args:
        vit: a ViT or another residual model of timm's, or one built and named like them. It is left as it was.
        loader: minibatches: tensors, (images, labels), or dictionaries with `pixel_values`.

    Raises InputError for a model that is not made of residual sums, or a loader that cannot be used.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(16)[0] / 127.5 - 1
    >>> found = sl.norm_ratio(vit, images.split(8))
    >>> found.by_kind.axes["kind"], found.by_kind.values.shape
    (['CLS', 'spatial'], (16, 2))
    """
    check_model("vit", vit)
    return NormRatio(feed_one(vit, move_all("vit", vit, find_minibatches(loader)), Ratios, "vit"))


@dataclass(frozen=True)
class NormRatio(Measured):
    """Geometric mean of the norm ratio (sublayers, kinds) of CLS, where there is one, and of spatial tokens."""

    found: NormRatios

    @property
    def n_draws(self) -> int:
        """How many minibatches there are."""
        return len(self.found.log_ratio)

    @property
    def by_kind(self) -> LabelledArray:
        """(sublayers, kinds): the geometric mean of the norm ratio."""
        return self.found.arrays()["norm_ratio"]

    @property
    def cosine(self) -> LabelledArray:
        """(sublayers, kinds): the mean cosine of skip and branch."""
        return self.found.arrays()["skip_cosine"]

    @property
    def identity_skip(self) -> LabelledArray:
        """(sublayers,): 1 where the skip is the identity, 0 where it is a convolution or pools."""
        return self.found.arrays()["identity_skip"]

    @property
    def by_token(self) -> LabelledArray | None:
        """(sublayers, tokens): the geometric mean of the norm ratio of each token.

        None where sublayers differ in their tokens.
        """
        return self.found.arrays().get("norm_ratio_tokens")

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(sublayers, kinds): the norm ratio, from some minibatches."""
        return np.exp(self.found.log_ratio[chosen].mean(0))

    def array(self) -> LabelledArray:
        """The norm ratio, with axes `sublayer` and `kind`."""
        return self.by_kind
