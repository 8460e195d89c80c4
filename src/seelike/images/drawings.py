"""What all image sets that this project draws have in common: pure functions of (seed, split, index).

`shapes` is the set of the book; `regrouped` shows the same kind of drawings in other classes, and `strokes`
another kind of drawing altogether: the near and the far task of fine-tuning (paper, Fig. G.1).
"""

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from seelike.system.errors import InputError, nearest

IMAGE_SIZE = 56  # pixels a side
SPLITS = {"train": 100_000, "validation": 10_000, "test": 10_000}
KEPT = 4096  # of the last drawings, 50 MB: chapters pass over the same ones several times


class Drawings(Dataset):
    """The drawings of one split as a PyTorch dataset of (PIL image, label); a subclass draws.

    Raises InputError for an unknown split or a negative seed.
    """

    name: str
    classes: tuple[str, ...]

    def __init__(self, split: str = "validation", seed: int = 0, transform=None):
        if split not in SPLITS:
            raise InputError(
                f"split must be one of {', '.join(SPLITS)} for {self.name}, not {split!r}{nearest(split, SPLITS)}"
            )
        if seed < 0:
            raise InputError(f"seed must be 0 or more, not {seed}")
        self.split, self.seed, self.transform = split, seed, transform

    def __len__(self) -> int:
        return SPLITS[self.split]

    def stack(self, n_images: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first drawings: (n, 3, 56, 56) uint8, and labels (n,) int64.

        Raises InputError if there are not so many.
        """
        if n_images not in range(1, len(self) + 1):
            raise InputError(f"n_images must be 1 to {len(self)} for {self.name}/{self.split}, not {n_images!r}")
        images = np.empty((n_images, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        labels = np.empty(n_images, np.int64)
        for i in range(n_images):
            drawing = self.drawing(i)
            images[i], labels[i] = drawing.image, drawing.label
        return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels)

    def drawing(self, index: int):
        """The image with everything that is known of it."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name}/{self.split} has {len(self)} images; there is no number {index}")
        return _draw_once(type(self), self.split, self.seed, index % len(self))

    def _draw(self, index: int):
        raise NotImplementedError

    def __getitem__(self, index: int):
        drawing = self.drawing(index)
        image = Image.fromarray(drawing.image)
        return (self.transform(image) if self.transform else image), drawing.label


@lru_cache(KEPT)
def _draw_once(kind: type[Drawings], split: str, seed: int, index: int):
    drawing = kind(split, seed)._draw(index)
    drawing.image.setflags(write=False)
    return drawing


def seeded(seed: int, split: str, index: int, *kind: int) -> np.random.Generator:
    """The generator of one drawing."""
    return np.random.default_rng([seed, list(SPLITS).index(split), index, *kind])


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn evenly from low to high; simpler than `uniform`, whose algorithm numpy may change."""
    return low + (high - low) * rng.random()
