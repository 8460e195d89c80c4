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

from seelike.activations.forward import read_once
from seelike.system.errors import InputError, in_one_line

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

    Raises InputError, which names `parameter`, for a loader of another form, an empty one, one whose minibatches differ
    in size, or images that are not finite.
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


def move_to(images: torch.Tensor, model: nn.Module) -> torch.Tensor:
    """The images on the device and in the precision of a model's first floating-point parameter or buffer."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return images.to(tensor.device, tensor.dtype)
    return images


def move_all(parameter: str, model: nn.Module, minibatches: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The minibatches as one model wants them.

    Raises InputError, as `check_pass` does, at the first.
    """
    for number, images in enumerate(minibatches):
        own = move_to(images, model)
        if number == 0:
            check_pass(parameter, model, own)
        yield own


def check_pass(parameter: str, model: nn.Module, images: torch.Tensor, source: str = "loader") -> None:
    """Raise InputError, which names `parameter` and the `source` of the images, if the model cannot take one."""
    try:
        read_once(model, images[:1])
    except Exception as error:
        raise InputError(
            f"{parameter} ({type(model).__name__}) cannot take what {source} gives, images of shape "
            f"{tuple(images.shape[1:])}: {in_one_line(error)}"
        ) from error


def warn_of_repeats(minibatches: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The same minibatches, and a warning after the last if some held an image more than once."""
    repeats = 0
    for images in minibatches:
        repeats += len(images) - len({hash(image.numpy().tobytes()) for image in _view_bytes(images)})
        yield images
    if repeats:
        warnings.warn(
            f"loader repeats images within minibatches, {repeats} in all, which biases CKA: it takes all for different",
            stacklevel=2,
        )


def _view_bytes(images: torch.Tensor) -> torch.Tensor:
    """(n, bytes) of images, on the CPU, whatever their precision."""
    return images.detach().cpu().contiguous().flatten(1).view(torch.uint8)


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
    if not torch.isfinite(images).all():
        raise InputError(f"{parameter} must give images of finite values; in one minibatch some are NaN or infinite")
    return images
