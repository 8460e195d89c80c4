"""Minibatches of images from whatever a researcher's loader gives, brought to where a model is.

A loader is any iterable, which may be exhausted by one pass: of tensors (n, channels, height, width), of (images,
labels, …), or of mappings with `pixel_values`, as processors of transformers give them. Every minibatch has the size of
the first, so that all weigh alike; a last smaller one is left out, with a warning.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from seelike.system.errors import InputError

FORMS = "tensors (n, channels, height, width), (images, labels), or dictionaries with pixel_values"


def check_model(parameter: str, model: nn.Module) -> None:
    """Raise InputError, which names `parameter`, for what is no module."""
    if not isinstance(model, nn.Module):
        raise InputError(
            f"{parameter} must be a torch.nn.Module, such as timm.create_model(name, pretrained=True) gives, "
            f"not {type(model).__name__}"
        )


def find_minibatches(loader: Iterable[Any], parameter: str = "loader") -> Iterator[torch.Tensor]:
    """The images of a loader, minibatch by minibatch.

    Raises InputError, which names `parameter`, for a loader of another form, an empty one, or one whose minibatches
    differ in size.
    """
    if isinstance(loader, torch.Tensor | Mapping | str) or not isinstance(loader, Iterable):
        raise InputError(f"{parameter} must be an iterable of {FORMS}, not {type(loader).__name__}")
    size = smaller = 0
    for item in loader:
        images = _find_images(parameter, item)
        size = size or len(images)
        if smaller or len(images) > size:
            raise InputError(
                f"{parameter} must give minibatches of one size, not of {size} and {smaller or len(images)}"
            )
        if len(images) < size:
            smaller = len(images)
        else:
            yield images
    if not size:
        raise InputError(f"{parameter} must give at least one minibatch; it is empty, or was used up before")
    if smaller:
        warnings.warn(f"the last {smaller} images of {parameter} fill no minibatch and are not used", stacklevel=2)


def place(images: torch.Tensor, model: nn.Module) -> torch.Tensor:
    """The images on the device and in the precision of a model's first floating-point parameter or buffer."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return images.to(tensor.device, tensor.dtype)
    return images


def feed(model: nn.Module, loader: Iterable[Any]) -> Iterator[torch.Tensor]:
    """The minibatches of a loader as one model wants them."""
    return (place(images, model) for images in find_minibatches(loader))


def _find_images(parameter: str, item: Any) -> torch.Tensor:
    if isinstance(item, Mapping):
        images = item.get("pixel_values")
    else:
        images = item[0] if isinstance(item, tuple | list) and item else item
    if not isinstance(images, torch.Tensor):
        found = f"a {type(item).__name__}" + (f" of {', '.join(map(str, item))}" if isinstance(item, Mapping) else "")
        raise InputError(f"{parameter} must give {FORMS}; it gave {found}")
    if images.ndim != 4 or not images.is_floating_point() or not len(images):
        raise InputError(
            f"{parameter} must give minibatches of floating-point images (n, channels, height, width); it gave "
            f"{tuple(images.shape)} of {str(images.dtype).removeprefix('torch.')}"
        )
    return images
