"""Views: random changes of an image after which it is still to be known, as functions of tensors.

`recipe_kinds.Views` says how much of each. All that is random about a view is drawn beforehand, so that a
run resumed is a run uninterrupted, and a GPU need not be asked.
"""

import numpy as np
import torch
from torch.nn.functional import affine_grid, conv2d, grid_sample, pad

from seelike.models.recipe_kinds import Views

DRAWN = 14  # random numbers a view
BLUR_REACH = 4  # pixels


def draw_views(steps: int, n_images: int, seed: int) -> np.ndarray:
    """Random numbers from 0 to 1 for two views of each image of each step: (steps, 2, n, 14) float32."""
    return np.random.default_rng([seed, 2]).random((steps, 2, n_images, DRAWN), np.float32)


def make_view(images: torch.Tensor, drawn: torch.Tensor, views: Views, second: bool = False) -> torch.Tensor:
    """One view of each image: (n, 3, h, w), values 0 to 1, from the same and (n, 14) random numbers."""
    u = drawn.T[:, :, None, None, None]  # of one number for each image, to be broadcast
    images = crop(images, drawn, views)
    images = torch.where(u[4] < views.jitter, jitter(images, u[5:9], views), images)
    images = torch.where(u[9] < views.grey, luma(images).expand_as(images), images)
    if views.blur[1]:
        images = blur(images, drawn[:, 10], *views.blur)
    if second:
        images = torch.where((u[11] < views.solarize) & (images > 0.5), 1 - images, images)
    return images


def crop(images: torch.Tensor, drawn: torch.Tensor, views: Views) -> torch.Tensor:
    """A part of each image, its sides at most 4 to 3, in the size of the whole; flipped or not."""
    low, high = views.crop
    area = low + (high - low) * drawn[:, 0]
    stretch = (4 / 3) ** (drawn[:, 1] - 0.5)  # of the root of the sides' ratio
    width, height = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
    x, y = (1 - width) * (2 * drawn[:, 2] - 1), (1 - height) * (2 * drawn[:, 3] - 1)
    mirrored = torch.where(drawn[:, 12] < views.flip, -width, width)
    zero = torch.zeros_like(x)
    maps = torch.stack([torch.stack([mirrored, zero, x], 1), torch.stack([zero, height, y], 1)], 1)
    where = affine_grid(maps, list(images.shape), align_corners=False)
    return grid_sample(images, where, padding_mode="border", align_corners=False)


def jitter(images: torch.Tensor, u: torch.Tensor, views: Views) -> torch.Tensor:
    """Brightness, contrast, saturation and hue changed, in this order, by four random numbers (4, n, 1, 1, 1)."""
    brightness, contrast, saturation = (
        1 + most * (2 * value - 1)
        for most, value in zip((views.brightness, views.contrast, views.saturation), u[:3], strict=True)
    )
    images = (images * brightness).clamp(0, 1)
    mean = luma(images).mean((2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 1)
    grey = luma(images)
    images = (grey + (images - grey) * saturation).clamp(0, 1)
    return turn_hue(images, 2 * torch.pi * views.hue * (2 * u[3] - 1))


def luma(images: torch.Tensor) -> torch.Tensor:
    """The grey of a colour: (n, 1, h, w)."""
    red, green, blue = images.split(1, 1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def turn_hue(images: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Colours turned about the axis of greys by angles (n, 1, 1, 1), in radians."""
    red, green, blue = images.split(1, 1)
    mean = (red + green + blue) / 3
    across = torch.cat([blue - green, red - blue, green - red], 1) / 3**0.5
    return (mean + (images - mean) * angle.cos() + across * angle.sin()).clamp(0, 1)


def blur(images: torch.Tensor, u: torch.Tensor, least: float, most: float) -> torch.Tensor:
    """Each image convolved with a Gaussian, its width between two, in pixels, by a random number (n,)."""
    n, channels = images.shape[:2]
    sigma = least + (most - least) * u
    offsets = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None]
    wide = pad(images, (BLUR_REACH,) * 4, mode="replicate").flatten(0, 1)[None]
    tall = conv2d(wide, weights[:, :, :, None], groups=n * channels)
    return conv2d(tall, weights[:, :, None], groups=n * channels).reshape(images.shape)
