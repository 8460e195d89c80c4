"""One forward pass, its named tensors reduced as they are born.

A layer's representation is everything it outputs for an image, flattened (paper, section 3). Tensors are
handed to `reduce` the moment a module returns them, before an in-place operation can change them and
before the next layer needs the memory, so that a pass over a large model keeps only what is measured.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn

from seelike.errors import InputError
from seelike.layers import evaluating, hooked, naming


def stream(
    model: nn.Module,
    batches: Iterable[torch.Tensor],
    names: list[str],
    reduce: Callable[[torch.Tensor], torch.Tensor] = torch.clone,
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield {layer name: reduce(activation)} for each minibatch, in the order of `names`.

    Args:
        batches: minibatches of shape (n, 3, height, width), on the model's device.
        names: as given by `layers.find_layers`.
        reduce: takes an activation of shape (n, features); the default keeps a copy of it.

    The model runs in evaluation mode and is left as it was: no hook, no mode, no gradient stays.
    Raises InputError if a layer does not run exactly once a pass, or `reduce` refuses it.
    """
    for images in batches:
        with evaluating(model):
            seen = _pass(model, images, names, reduce)
        yield seen


def read_all(
    models: dict[str, nn.Module],
    images: dict[str, torch.Tensor],
    names: dict[str, list[str]],
    reduce: Callable[[torch.Tensor], torch.Tensor],
) -> dict[str, torch.Tensor]:
    """One minibatch through several models: {"<model>/<layer>": reduce(activation)}, in the order of `names`.

    Raises InputError, which names the model, as `stream` does.
    """
    found = {}
    for which, layers in names.items():
        with naming(which, models[which]):
            (seen,) = stream(models[which], [images[which]], layers, reduce)
        found |= {f"{which}/{layer}": reduced for layer, reduced in seen.items()}
    return found


@torch.inference_mode()
def _pass(model, images, names, reduce) -> dict[str, torch.Tensor]:
    seen = {}

    def see(name: str, activation: torch.Tensor) -> None:
        if name in seen:
            raise InputError(f"layer {name} runs more than once in a forward pass, so its output is not defined")
        if activation.shape[0] % len(images):
            raise InputError(f"layer {name} gives {activation.shape[0]} rows for {len(images)} images")
        try:  # windowed attention has several windows, in a row, for each image
            seen[name] = reduce(activation.reshape(len(images), -1))
        except InputError as error:
            raise type(error)(f"layer {name}: {error}") from None

    with hooked(model, names, see):
        model(images)
    missing = [name for name in names if name not in seen]
    if missing:
        raise InputError(f"layer {missing[0]} did not run in this forward pass, though it did in another")
    return {name: seen[name] for name in names}
