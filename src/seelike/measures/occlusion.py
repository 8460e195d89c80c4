"""Which part of the image does a model's answer hang on? Occlusion, patch by patch (Zeiler & Fergus 2014), by captum.

One window after the other is painted over with the mean colour, 0 after normalisation, and the fall of the model's
score is what that window counts for. The score is the logit of the class that the model takes the whole image for; of
a model without classes it is its output's component along its output for the whole image.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.layers import evaluating
from seelike.results.labelled_array import LabelledArray

AT_ONCE = 16  # occluded copies in a forward pass


@dataclass(frozen=True)
class Attributions:
    """The fall of the score for each window: `values` (images, rows, columns), in the units of the score."""

    values: np.ndarray

    def array(self) -> LabelledArray:
        """The labelled array for a result file."""
        axes = zip(("image", "y", "x"), self.values.shape, strict=True)
        return LabelledArray({name: range(n) for name, n in axes}, self.values)


def occlude(model: nn.Module, images: Iterable[torch.Tensor], window: tuple[int, int]) -> Attributions:
    """Occlude images, each (3, height, width), by windows of (height, width) pixels that do not overlap.

    The windows are counted from the upper left corner; those at the lower and right edge hold what is left.
    """
    with evaluating(model), torch.no_grad():
        return Attributions(np.stack([_occlude(model, image[None], window) for image in images]))


def _occlude(model: nn.Module, image: torch.Tensor, window: tuple[int, int]) -> np.ndarray:
    """(rows, columns) of one image."""
    from captum.attr import Occlusion  # only this needs it: the other measures run where it is not installed

    wanted = _choose_direction(model, model(image))
    sides = (image.shape[1], *window)
    fall = Occlusion(lambda x: (model(x) * wanted).sum(1)).attribute(
        image, sliding_window_shapes=sides, strides=sides, baselines=0, perturbations_per_eval=AT_ONCE
    )
    return fall[0, 0, :: window[0], :: window[1]].double().cpu().numpy()


def _choose_direction(model: nn.Module, output: torch.Tensor) -> torch.Tensor:
    """What the output (1, k) is multiplied with to give the score."""
    if getattr(model, "num_classes", output.shape[1]):
        return nn.functional.one_hot(output.argmax(1), output.shape[1]).to(output)
    return nn.functional.normalize(output)
