"""One forward pass, its named tensors reduced as they are born.

A layer's representation is everything it outputs for an image, flattened (paper, section 3). Tensors are
handed to `reduce` the moment a module returns them, before an in-place operation can change them and
before the next layer needs the memory, so that a pass over a large model keeps only what is measured.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import check_first, hooked
from seelike.system.errors import InputError

Reduce = Callable[[torch.Tensor], torch.Tensor]
Represent = Callable[[str, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Outputs:
    """Reads `reduce` of what some layers return; `represent` tells, of a model and images, what that is (or all)."""

    layers: tuple[str, ...]
    reduce: Reduce = torch.clone
    represent: Callable[[nn.Module, torch.Tensor], Represent] | None = None

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{layer: reduced}, of images (n, 3, height, width)."""
        represent = self.represent and self.represent(model, images)
        return reading(model, self.layers, len(images), self.reduce, represent)


def stream(
    model: nn.Module,
    batches: Iterable[torch.Tensor],
    names: list[str],
    reduce: Reduce = torch.clone,
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield {layer name: reduce(activation)} for each minibatch, in the order of `names`.

    Args:
        batches: minibatches of shape (n, 3, height, width), on the model's device.
        names: as given by `Architecture.names`.
        reduce: takes an activation of shape (n, features); the default keeps a copy of it.

    The model runs in evaluation mode and is left as it was: no hook, no mode, no gradient stays.
    Raises InputError if a layer does not run exactly once a pass, or `reduce` refuses it.
    """
    for images in batches:
        (seen,) = read_once(model, images, reading(model, names, len(images), reduce))
        yield seen


@contextmanager
def reading(
    model: nn.Module, names: Sequence[str], n_images: int, reduce: Reduce, represent: Represent | None = None
) -> Iterator[dict[str, torch.Tensor]]:
    """Context in which one pass of `n_images` fills {layer name: reduce(activation)}, in the order of `names`.

    `represent` takes a layer's name and output to (n_images, features); the default flattens it.
    Raises InputError, on leaving it, as `stream` does.
    """
    seen: dict[str, torch.Tensor] = {}
    represent = represent or (lambda _, output: output.reshape(n_images, -1))
    last = _Last()

    def see(name: str, activation: torch.Tensor) -> None:
        check_first(name, seen)
        if last.is_still(activation):
            seen[name] = seen[last.name]
            return
        if activation.shape[0] % n_images:
            raise InputError(f"layer {name} gives {activation.shape[0]} rows for {n_images} images")
        features = represent(name, activation)  # windowed attention has several windows, in a row, for each image
        try:
            seen[name] = reduce(features)
        except InputError as error:
            raise type(error)(f"layer {name}: {error}") from None
        last.keep(name, activation)

    with hooked(model, names, see):
        yield seen
    missing = [name for name in names if name not in seen]
    if missing:
        raise InputError(f"layer {missing[0]} did not run in this forward pass, though it did in another")
    for name in names:
        seen[name] = seen.pop(name)


class _Last:
    """The layer before: an identity, or dropout in evaluation mode, returns the very tensor that it was given."""

    def __init__(self):
        self.name, self.version, self.refer = "", 0, lambda: None

    def keep(self, name: str, activation: torch.Tensor) -> None:
        if not activation.is_inference():  # of those torch does not know whether they were changed in place
            self.name, self.version, self.refer = name, activation._version, weakref.ref(activation)

    def is_still(self, activation: torch.Tensor) -> bool:
        """Whether it is that tensor, and nothing has changed it since."""
        return self.refer() is activation and self.version == activation._version
