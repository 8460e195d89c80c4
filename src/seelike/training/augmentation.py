"""Flips and crops: the usual augmentation of small photographs."""

import numpy as np

BORDER = 4  # pixels


def augment(images: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Images (n, 3, h, w), half of them flipped left to right, each cropped from a border of zeros 4 pixels wide.

    A function of seed and step alone, so that a run resumed is a run uninterrupted.
    """
    rng = np.random.default_rng([seed, step, 1])
    flipped = np.where(rng.random(len(images))[:, None, None, None] < 0.5, images[..., ::-1], images)
    padded = np.pad(flipped, ((0, 0), (0, 0), (BORDER, BORDER), (BORDER, BORDER)))
    height, width = images.shape[2:]
    corners = rng.integers(0, 2 * BORDER + 1, (len(images), 2))
    crops = [one[:, y : y + height, x : x + width] for one, (y, x) in zip(padded, corners, strict=True)]
    return np.stack(crops)
