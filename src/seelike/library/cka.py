"""CKA of the layers of one model, or of two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.activations.layers import Layer, find_stage_ends
from seelike.library.layers import Layers, choose_layers
from seelike.library.loaders import check_model, check_pass, find_minibatches, move_to, warn_of_repeats
from seelike.library.measured import Chosen, Measured
from seelike.library.representation import choose_representation
from seelike.measures.cka import multiply
from seelike.measures.layer_cka import JointCKA, split_by_model
from seelike.measures.runner import Cast, feed, peek
from seelike.measures.similarities.all_pairs import Similarity, normalize
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import InputError


def cka(
    model_a: nn.Module,
    model_b: nn.Module | Iterable[Any] | None = None,
    loader: Iterable[Any] | None = None,
    *,
    layers: Layers | tuple[Layers, Layers] = "blocks",
    representation: str = "flat",
    names: tuple[str, str] = ("a", "b"),
) -> "LayerCKA":
    """Linear minibatch CKA (unbiased) of all layers of a model with one another, or with those of a second model.

    Args:
        model_a: any module that takes a minibatch of images; so is `model_b`. Each is run in evaluation mode and left
            as it was. With one model the loader may stand in the second place.
        loader: minibatches of at least four images: tensors, (images, labels), or dictionaries with `pixel_values`.
            Both models see the same tensors, each on its own device.
        layers: "blocks"; "all", the finer set of the paper's Figure 1; or names as in `model.named_modules()`. A tuple
            of two is one for each of two models.
        representation: "flat", everything a layer returns; "mean" over its positions; or its "cls" token.
        names: two different words for the two models, in the axes `a_layer` and `b_layer`.

    Raises InputError for a model whose layers cannot be told, or a loader that cannot be used.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(40)[0] / 127.5 - 1
    >>> within = sl.cka(vit, images.split(5))
    >>> within.values.shape
    (8, 8)
    >>> resnet = timm.create_model("resnet_pocket.shapes", pretrained=True)
    >>> across = sl.cka(vit, resnet, images.split(5), representation="mean", names=("vit", "resnet"))
    >>> across.to_dataframe().shape, list(across.axes)
    ((8, 10), ['vit_layer', 'resnet_layer'])
    >>> mean = across.estimate(lambda cka: cka.mean())
    >>> mean.low < mean.effect < mean.high
    True
    """
    _check_names(names)
    if loader is None and not isinstance(model_b, nn.Module):
        model_b, loader = None, model_b
    models = {"model_a": model_a} | ({} if model_b is None else {"model_b": model_b})
    for parameter, model in models.items():
        check_model(parameter, model)
    if loader is None:
        raise InputError("loader must be given: sl.cka(model, loader) or sl.cka(model_a, model_b, loader)")
    chosen = dict(zip(models, _share(layers, len(models)), strict=True))
    found, similarity = _compare(models, warn_of_repeats(find_minibatches(loader)), chosen, representation)
    rows, columns = found["model_a"], found[list(models)[-1]]
    return LayerCKA(similarity, tuple(rows), tuple(columns), None if model_b is None else tuple(names))


@dataclass(frozen=True)
class LayerCKA(Measured):
    """CKA (rows, columns) of layers; `similarity` is that of all layers of one model, or of two, one after the other.

    The axes are `layer` and `other` of one model, `a_layer` and `b_layer` of two called a and b.
    """

    similarity: Similarity
    rows: tuple[Layer, ...]
    columns: tuple[Layer, ...]
    names: tuple[str, str] | None

    @property
    def n_draws(self) -> int:
        """How many minibatches there are."""
        return len(self.similarity.products)

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(rows, columns), from some minibatches."""
        cka = normalize(self.similarity.products[chosen].sum(0))
        parts = split_by_model(cka, {"a": len(self.rows)} | ({"b": len(self.columns)} if self.names else {}))
        return parts["a", "b" if self.names else "a"]

    def array(self) -> LabelledArray:
        """With stage boundaries where one model has stages, as a ResNet."""
        labels = [[layer.name for layer in axis] for axis in (self.rows, self.columns)]
        names = [f"{name}_layer" for name in self.names] if self.names else ["layer", "other"]
        ends = None if self.names or len(_list_stages(self.rows)) < 2 else find_stage_ends(self.rows)
        return LabelledArray(dict(zip(names, labels, strict=True)), self.values, boundaries=ends)

    @property
    def within(self) -> tuple["LayerCKA", ...]:
        """Each of the models with itself, from the same pass."""
        return tuple(self._select(axis, part) for axis, part in self._parts())

    def _parts(self) -> Iterator[tuple[tuple[Layer, ...], slice]]:
        yield self.rows, slice(0, len(self.rows))
        if self.names:
            yield self.columns, slice(len(self.rows), None)

    def _select(self, axis: tuple[Layer, ...], part: slice) -> "LayerCKA":
        similarity = Similarity(self.similarity.layers[part], self.similarity.products[:, part, part])
        return LayerCKA(similarity, axis, axis, None)


def _compare(
    models: dict[str, nn.Module], minibatches: Iterable[torch.Tensor], layers: dict[str, Layers], representation: str
) -> tuple[dict[str, list[Layer]], Similarity]:
    """The layers of each model, found on the first minibatch, and CKA of all of them."""
    moved = ({role: move_to(images, model) for role, model in models.items()} for images in minibatches)
    first, moved = peek(moved)
    found = {role: _choose(role, model, layers[role], first[role]) for role, model in models.items()}
    cast, represent = Cast(models), partial(choose_representation, representation)
    names = {role: tuple(layer.name for layer in chosen) for role, chosen in found.items()}
    cka = cast.compare(JointCKA({role: Outputs(own, multiply, represent) for role, own in names.items()}))
    with processes.alone():
        return found, feed(moved, cast)[cka]


def _choose(role: str, model: nn.Module, layers: Layers, images: torch.Tensor) -> list[Layer]:
    check_pass(role, model, images)
    return choose_layers(role, model, layers, images)


def _check_names(names: tuple[str, str]) -> None:
    words = isinstance(names, tuple | list) and all(isinstance(name, str) and name for name in names)
    if not words or len(names) != 2 or len(set(names)) != 2:
        raise InputError(f'names must be two different words, as ("vit", "resnet"), not {names!r}')


def _share(layers: Layers | tuple[Layers, Layers], n_models: int) -> list[Layers]:
    """What is asked of each model: a tuple of two, of two models, is one for each."""
    if n_models == 2 and isinstance(layers, tuple):
        if len(layers) != 2:
            raise InputError(f"layers must be one set for both models, or a tuple of two, not of {len(layers)}")
        return list(layers)
    return [layers] * n_models


def _list_stages(layers: Iterable[Layer]) -> set[str]:
    return {layer.stage for layer in layers if layer.stage is not None}
