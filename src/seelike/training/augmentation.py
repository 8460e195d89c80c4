"""Flips and crops: the usual augmentation of small photographs."""

import numpy as np
import torch

BORDER = 4  # pixels


def draw_augmentation(steps: int, n_images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which images of each step are flipped (steps, n), half of them, and the corners (steps, n, 2) of their crops.

    A function of the seed alone, so that a run resumed is a run uninterrupted.
    """
    rng = np.random.default_rng([seed, 1])
    flipped = rng.random((steps, n_images)) < 0.5
    return flipped, rng.integers(0, 2 * BORDER + 1, (steps, n_images, 2), np.uint8)


def augment(images: torch.Tensor, flipped: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, h, w), some flipped left to right, each cropped from a border of zeros 4 pixels wide.

    Args:
        flipped: (n,) bool.
        corners: (n, 2), each crop's upper and left edge, 0 to 8 pixels; 4 and 4 leave an image where it is.
    """
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) + corners[:, :1] - BORDER
    columns = torch.arange(width, device=images.device) + corners[:, 1:] - BORDER
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    columns = torch.where(flipped[:, None], width - 1 - columns, columns).clamp(0, width - 1)
    rows = rows.clamp(0, height - 1)
    number = torch.arange(len(images), device=images.device)[:, None, None]
    cropped = images.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None]]  # (n, h, w, 3)
    return (cropped * inside[..., None]).permute(0, 3, 1, 2)
