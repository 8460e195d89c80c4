"""What represents an image in a layer: all that the layer returns, the mean over its positions, or its CLS token."""

import torch
from torch import nn

from seelike.activations.flattened import Represent
from seelike.activations.tokens import has_cls_token, split
from seelike.system.errors import InputError

REPRESENTATIONS = ("flat", "mean", "cls")


def choose_representation(representation: str, model: nn.Module, images: torch.Tensor) -> Represent:
    """How a layer's output for images (n, channels, height, width) becomes (n, features).

    - "flat": everything, flattened (paper, section 3);
    - "mean": the mean over all positions of the grid, (n, channels), without CLS and registers;
    - "cls": the CLS token, (n, channels).

    Raises InputError for another name. What it returns raises InputError for a layer without positions, or CLS token.
    """
    if representation not in REPRESENTATIONS:
        raise InputError(f"representation must be one of {', '.join(REPRESENTATIONS)}, not {representation!r}")

    def mean(name: str, output: torch.Tensor) -> torch.Tensor:
        return split(model, name, output, images).grid.mean((1, 2))

    def cls(name: str, output: torch.Tensor) -> torch.Tensor:
        prefix = split(model, name, output, images).prefix
        if not prefix.shape[1] or not has_cls_token(model):
            raise InputError(f"representation='cls' needs a CLS token; in layer {name} there is none")
        return prefix[:, 0]

    def flat(name: str, output: torch.Tensor) -> torch.Tensor:
        return output.reshape(len(images), -1)

    return {"flat": flat, "mean": mean, "cls": cls}[representation]


def pool(model: nn.Module, images: torch.Tensor) -> Represent:
    """The same as "mean"; of a layer that has been pooled already, (n, channels), all of it."""
    mean = choose_representation("mean", model, images)
    return lambda name, output: output if output.ndim == 2 else mean(name, output)


def take_cls(model: nn.Module, images: torch.Tensor) -> Represent:
    """The CLS token where a layer has one that tells images apart, as it does from the first attention on; else `pool`.

    So models and layers without such a token can be compared with those that have one.
    """
    pooled, n_prefix = pool(model, images), int(has_cls_token(model))

    def represent(name: str, output: torch.Tensor) -> torch.Tensor:
        prefix = output[:, :0] if output.ndim == 2 else split(model, name, output, images).prefix
        cls = prefix[:, :n_prefix].flatten(1)
        return cls if (cls != cls[:1]).any() else pooled(name, output)

    return represent
