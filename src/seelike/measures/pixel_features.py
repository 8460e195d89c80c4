"""What an image is without a network: its pixels, coarsely, and its colours without their places."""

import torch
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 14  # of the grid on which pixels are averaged
BINS = 4  # of each channel


def average_pixels(images: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, h, w) uint8, averaged on a grid of 14×14: (n, 588), values 0 to 1."""
    return adaptive_avg_pool2d(images.float() / 255, SIDE).flatten(1)


def count_colors(images: torch.Tensor) -> torch.Tensor:
    """The share of pixels of each of 4×4×4 colours: (n, 64) of images (n, 3, h, w) uint8."""
    red, green, blue = (images.int() * BINS // 256).flatten(2).unbind(1)
    colors = (red * BINS + green) * BINS + blue
    return torch.stack([colors.eq(color).float().mean(1) for color in range(BINS**3)], 1)
