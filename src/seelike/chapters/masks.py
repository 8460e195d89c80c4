"""Where the object is in each of a run's images, to the pixel, if they are drawings that know it."""

import torch
from PIL import Image

from seelike.chapters.run import Run
from seelike.images.drawings import Drawings


def find_masks(run: Run, transform) -> torch.Tensor | None:
    """(images, height, width) bool, as a model with this transform sees the images; None where nobody knows.

    A mask is resized and cropped as its image is. It holds the pixels that show the object by more than half.
    """
    if not know_masks(run):
        return None
    images = run.images.dataset
    masks = (images.drawing(index).mask for index in run.images.indices)
    shown = torch.stack([transform(_paint(255 * mask))[0] for mask in masks])
    return shown > transform(_paint(0 * images.drawing(0).mask + 127))[0]


def know_masks(run: Run) -> bool:
    """Whether a run's images are drawings that know their object to the pixel."""
    images = run.images.dataset
    return isinstance(images, Drawings) and hasattr(images.drawing(0), "mask")


def _paint(values) -> Image.Image:
    return Image.fromarray(values.astype("uint8")).convert("RGB")
