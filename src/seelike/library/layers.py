"""Which layers of any module are compared: a set that can be told, or those that are named.

A layer's output is one tensor with a part for each image, one after the other; it may lie in a tuple or dictionary
that holds no other. Anything else is refused, and so is a layer whose number of rows does not grow with the images, as
where the sequence comes before them.
"""

from collections.abc import Sequence

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.forward import read_once
from seelike.activations.layers import LAYER_SETS, Layer, find_tensors, named_modules, watched
from seelike.system.errors import InputError, naming, nearest

Layers = str | Sequence[str]
OTHERS = "name layers that return one tensor each"


def choose_layers(parameter: str, model: nn.Module, layers: Layers, images: torch.Tensor) -> list[Layer]:
    """The layers of a model, "blocks" or "all" in the order of a forward pass, or those named, in the order given.

    Raises InputError, which names `parameter` or `layers`, where the set cannot be told, a name is none of
    `model.named_modules()`, or an output is not one tensor.
    """
    found = _find_set(parameter, model, layers, images) if isinstance(layers, str) else _find_named(model, layers)
    _check_outputs(parameter, model, [layer.name for layer in found], images)
    return found


def _find_set(parameter: str, model: nn.Module, layers: str, images: torch.Tensor) -> list[Layer]:
    if layers not in LAYER_SETS:
        known = " or ".join(map(repr, LAYER_SETS))
        raise InputError(f"layers must be {known}, or a list of names of the model's modules, not {layers!r}")
    try:
        with naming(parameter, model):
            return [*Architecture.of(model, images).layers(layers)]
    except InputError as error:
        raise InputError(
            f"layers={layers!r} cannot be told for {parameter} ({type(model).__name__}): pass layers=[names], as in "
            f"{parameter}.named_modules() ({error})"
        ) from None


def _find_named(model: nn.Module, names: Sequence[str]) -> list[Layer]:
    known, names = [name for name, _ in named_modules(model) if name], list(names)
    if not names or len(set(names)) < len(names):
        raise InputError(f"layers must be at least one name, and each but once, not {names!r}")
    for name in names:
        if name not in known:
            hint = nearest(str(name), known)
            raise InputError(f"layers must be names of {type(model).__name__}'s modules, not {name!r}{hint}")
    return [Layer(name, None) for name in names]


def _check_outputs(parameter: str, model: nn.Module, names: list[str], images: torch.Tensor) -> None:
    """Of one image and of two; what no pass reaches is refused where it is read."""
    with naming(parameter, model):
        one, two = (_count_rows(model, names, torch.cat([images[:1]] * n)) for n in (1, 2))
        for name, n_rows in one.items():
            if two.get(name) != 2 * n_rows:
                raise InputError(f"layer {name} does not return a part for each image, one after the other; {OTHERS}")


def _count_rows(model: nn.Module, names: list[str], images: torch.Tensor) -> dict[str, int]:
    """Layer → length of its output's first axis."""
    found: dict[str, int] = {}

    def note(name: str, output: object) -> None:
        tensors = find_tensors(output)
        if len(tensors) != 1 or not tensors[0].ndim:
            raise InputError(f"layer {name} returns {len(tensors)} tensors in a {type(output).__name__}; {OTHERS}")
        found[name] = len(tensors[0])

    with watched(model, names, note):
        read_once(model, images)
    return found
