"""What bundled models learn, by name: each a set of labelled images for every split, of any size."""

from functools import lru_cache

import numpy as np
import torch
from PIL import Image

from seelike.images.datasets import DRAWN
from seelike.images.drawings import IMAGE_SIZE
from seelike.images.photographs import SIZE, Photographs
from seelike.system.errors import InputError

PHOTOGRAPHED = ("cifar10", "pairs")
TASKS = (*DRAWN, *PHOTOGRAPHED)


def needs_photographs(task: str) -> bool:
    """Whether a task is of photographs, which are not bundled."""
    return task in PHOTOGRAPHED


@lru_cache(16)
def load_task(task: str, split: str, n_images: int, size: int = IMAGE_SIZE, data_dir: str = "") -> tuple:
    """The first images of a task: (n, 3, size, size) uint8, and labels (n,) int64.

    Args:
        task: one of `TASKS`.
        split: train, validation or test.
        size: pixels a side; drawings of another size are resized as timm's transform does.
        data_dir: where the photographs lie; else the environment's `SEELIKE_CIFAR10` says it.

    Raises InputError if a task of photographs has none, or there are not so many images.
    """
    if not needs_photographs(task):
        images, labels = DRAWN[task](split).stack(n_images)
        return (images if size == IMAGE_SIZE else resize(images, size)), labels
    if size != SIZE:
        raise InputError(f"size must be {SIZE} pixels for {task}, not {size}")
    return Photographs(split, data_dir, pairs=task == "pairs").stack(n_images)


def resize(images: torch.Tensor, size: int) -> torch.Tensor:
    """Images (n, 3, h, w) uint8 at another size, by Pillow's bicubic filter, the bundled models' own."""
    drawn = images.permute(0, 2, 3, 1).numpy()
    resized = [np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BICUBIC)) for one in drawn]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).contiguous()
