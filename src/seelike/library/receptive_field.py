"""What part of the image the centre position of a layer sees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import nn

from seelike.library.layers import Layers, choose_layers
from seelike.library.loaders import check_model, check_pass, find_minibatches, move_to
from seelike.library.measured import Chosen, Measured
from seelike.measures import receptive_field as fields
from seelike.measures.receptive_field import ReceptiveFields
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError, naming

PIXELS = 8 * 224**2  # of the images whose graph is kept at a time


@torch.inference_mode(False)  # nothing that the model keeps from a pass here may be barred from gradients
def receptive_field(
    model: nn.Module, images: torch.Tensor | Iterable[Any], layers: Layers = "blocks", seed: int = 0
) -> "ReceptiveField":
    """Effective receptive field of the centre position of layers (paper, section 5; Luo et al. 2017).

    That is the absolute gradient with respect to the input, averaged over images and channels, of which each image
    draws one for each layer: one backward pass for an image and layer.

    Args:
        model: any module whose layers return positions, (n, channels, rows, columns) or (n, tokens, channels). It is
            left as it was, its gradients too.
        images: (n, channels, height, width), or minibatches of them as for `sl.cka`.
        layers: "blocks", "all", or names as in `model.named_modules()`.
        seed: of the channels.

    Raises InputError for layers that cannot be told, have no positions or run more than once a pass, for images that
    cannot be used, and for a model made within `torch.inference_mode()`, which cannot be differentiated.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> resnet = timm.create_model("resnet_pocket.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(8)[0] / 127.5 - 1
    >>> found = sl.receptive_field(resnet, images, layers=["stem.conv", "stages.3.blocks.2"])
    >>> stem, last = found.values  # 0: on the centre alone; 1: everywhere alike
    >>> bool(stem < last), found.maps.values.shape
    (True, (2, 28, 28))
    """
    check_model("model", model)
    if any(tensor.is_inference() for tensor in (*model.parameters(), *model.buffers())):
        raise InputError("model must not be made within torch.inference_mode(): it cannot be differentiated")
    minibatches = find_minibatches([images] if isinstance(images, torch.Tensor) else images, "images")
    first = move_to(next(minibatches), model)
    check_pass("model", model, first, "images")
    names = [layer.name for layer in choose_layers("model", model, layers, first)]
    few = (part for batch in chain([first], minibatches) for part in _divide(move_to(batch, model)))
    with naming("model", model):
        return ReceptiveField(fields.estimate_fields(model, few, names, seed=seed))


@dataclass(frozen=True)
class ReceptiveField(Measured):
    """Effective radius (layers,) of the fields: 0 on the centre alone, 1 everywhere alike."""

    found: ReceptiveFields

    @property
    def n_draws(self) -> int:
        """How many images there are."""
        return len(self.found.sums)

    @property
    def maps(self) -> LabelledArray:
        """(layers, 28, 28): the fields, in cells of the image, relative to the largest of each layer."""
        return self._array("receptive_field")

    @property
    def own_share(self) -> LabelledArray:
        """(layers,): how much of the field lies inside the position's own pixels."""
        return self._array("own_share")

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(layers,): the effective radius, from some images."""
        return self.found.radii(chosen)

    def array(self) -> LabelledArray:
        """The effective radius, with axis `layer`."""
        return self._array("effective_radius")

    def _array(self, measure: str) -> LabelledArray:
        return fields.arrays({"model": self.found})[measure]["model"]


def _divide(images: torch.Tensor) -> Iterator[torch.Tensor]:
    """As many images at a time as graphs may be kept."""
    yield from images.split(max(1, PIXELS // images[0, 0].numel()))
