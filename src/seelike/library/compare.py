"""How alike the layers of one model are, or of two, by one measure or by several from one pass."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.activations.layers import Layer, find_stage_ends
from seelike.activations.representation import choose_representation
from seelike.library.layers import Layers, choose_layers
from seelike.library.loaders import check_model, check_pass, find_minibatches, move_to, warn_of_repeats
from seelike.library.measured import Chosen, Measured
from seelike.measures.cka import multiply
from seelike.measures.layer_cka import JointSimilarities, split_by_model
from seelike.measures.runner import Cast, feed, peek
from seelike.measures.similarities.all_pairs import Similarity, normalize
from seelike.measures.similarities.choices import check_measure
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import InputError


def compare(
    model_a: nn.Module,
    model_b: nn.Module | Iterable[Any] | None = None,
    loader: Iterable[Any] | None = None,
    *,
    measure: str | Sequence[str] = "cka",
    layers: Layers | tuple[Layers, Layers] = "blocks",
    representation: str = "flat",
    names: tuple[str, str] = ("a", "b"),
) -> "LayerSimilarity | dict[str, LayerSimilarity]":
    """How alike all layers of a model are to one another, or to those of a second model, by one measure or several.

    - "cka": linear CKA (Kornblith et al. 2019), HSIC estimated without bias (Nguyen, Raghu & Kornblith 2021);
    - "rsa": rank correlation of the distances of images (Kriegeskorte, Mur & Bandettini 2008);
    - "knn": mutual nearest neighbours (Huh et al. 2024), 0 for as many in common as chance gives;
    - "procrustes": the cosine of the angular shape distance (Williams et al. 2021), high by chance for few images;
    - "rbf_cka": CKA with a Gaussian kernel, half as wide as the median distance (Kornblith et al. 2019).

    All are 1 for layers that differ by rotation, shift and scale. They compare the images of a minibatch with one
    another; "cka" and "rbf_cka" hardly depend on how many there are, "knn" and above all "procrustes" do.

    Args:
        model_a: any module that takes a minibatch of images; so is `model_b`. Each is run in evaluation mode and left
            as it was. With one model the loader may stand in the second place.
        loader: minibatches of at least four images: tensors, (images, labels), or dictionaries with `pixel_values`.
            Both models see the same tensors, each on its own device.
        measure: one of these names, or several, for {measure: result} from one pass.
        layers: "blocks"; "all", the finer set of the paper's Figure 1; or names as in `model.named_modules()`. A tuple
            of two is one for each of two models.
        representation: "flat", everything a layer returns; "mean" over its positions; or its "cls" token.
        names: two different words for the two models, in the axes `a_layer` and `b_layer`.

    Raises InputError for a model whose layers cannot be told, a loader that cannot be used, or another measure.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> resnet = timm.create_model("resnet_pocket.shapes", pretrained=True)
    >>> loader = (DRAWN["shapes"]("validation").stack(64)[0] / 127.5 - 1).split(8)
    >>> sl.compare(vit, resnet, loader, measure="rsa", names=("vit", "resnet")).values.shape
    (8, 10)
    >>> found = sl.compare(vit, loader, measure=("cka", "procrustes"))
    >>> all(each.values[0, -1] < each.values[0, 1] for each in found.values())
    True
    """
    _check_names(names)
    asked = _check_measures(measure)
    if loader is None and not isinstance(model_b, nn.Module):
        model_b, loader = None, model_b
    models = {"model_a": model_a} | ({} if model_b is None else {"model_b": model_b})
    for parameter, model in models.items():
        check_model(parameter, model)
    if loader is None:
        raise InputError("loader must be given: sl.compare(model, loader) or sl.compare(model_a, model_b, loader)")
    chosen = dict(zip(models, _share(layers, len(models)), strict=True))
    minibatches = warn_of_repeats(find_minibatches(loader))
    found, similarities = _compare(models, minibatches, chosen, representation, asked)
    axes = tuple(found["model_a"]), tuple(found[list(models)[-1]]), None if model_b is None else tuple(names)
    results = {each: LayerSimilarity(similarity, *axes, each) for each, similarity in similarities.items()}
    return results[measure] if isinstance(measure, str) else results


@dataclass(frozen=True)
class LayerSimilarity(Measured):
    """How alike layers are (rows, columns); `similarity` is that of all of one model, or of two, one after the other.

    The axes are `layer` and `other` of one model, `a_layer` and `b_layer` of two called a and b.
    """

    similarity: Similarity
    rows: tuple[Layer, ...]
    columns: tuple[Layer, ...]
    names: tuple[str, str] | None
    measure: str = "cka"

    @property
    def n_draws(self) -> int:
        """How many minibatches there are."""
        return len(self.similarity.minibatches)

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(rows, columns), from some minibatches."""
        values = normalize(self.similarity.products[chosen].sum(0))
        parts = split_by_model(values, {"a": len(self.rows)} | ({"b": len(self.columns)} if self.names else {}))
        return parts["a", "b" if self.names else "a"]

    def array(self) -> LabelledArray:
        """With stage boundaries where one model has stages, as a ResNet."""
        labels = [[layer.name for layer in axis] for axis in (self.rows, self.columns)]
        names = [f"{name}_layer" for name in self.names] if self.names else ["layer", "other"]
        ends = None if self.names or len(_list_stages(self.rows)) < 2 else find_stage_ends(self.rows)
        return LabelledArray(dict(zip(names, labels, strict=True)), self.values, boundaries=ends)

    @property
    def within(self) -> tuple["LayerSimilarity", ...]:
        """Each of the models with itself, from the same pass."""
        return tuple(self._select(axis, part) for axis, part in self._parts())

    def _parts(self) -> Iterator[tuple[tuple[Layer, ...], slice]]:
        yield self.rows, slice(0, len(self.rows))
        if self.names:
            yield self.columns, slice(len(self.rows), None)

    def _select(self, axis: tuple[Layer, ...], part: slice) -> "LayerSimilarity":
        similarity = Similarity(self.similarity.layers[part], self.similarity.products[:, part, part])
        return LayerSimilarity(similarity, axis, axis, None, self.measure)


def _compare(
    models: dict[str, nn.Module],
    minibatches: Iterable[torch.Tensor],
    layers: dict[str, Layers],
    representation: str,
    measures: Iterable[str],
) -> tuple[dict[str, list[Layer]], dict[str, Similarity]]:
    """The layers of each model, found on the first minibatch, and by each measure how alike all of them are."""
    moved = ({role: move_to(images, model) for role, model in models.items()} for images in minibatches)
    first, moved = peek(moved)
    found = {role: _choose(role, model, layers[role], first[role]) for role, model in models.items()}
    cast, represent = Cast(models), partial(choose_representation, representation)
    names = {role: tuple(layer.name for layer in chosen) for role, chosen in found.items()}
    reads = {role: Outputs(own, multiply, represent) for role, own in names.items()}
    joint = cast.compare(JointSimilarities(reads, measures))
    with processes.alone():
        return found, feed(moved, cast)[joint]


def _choose(role: str, model: nn.Module, layers: Layers, images: torch.Tensor) -> list[Layer]:
    check_pass(role, model, images)
    return choose_layers(role, model, layers, images)


def _check_names(names: tuple[str, str]) -> None:
    words = isinstance(names, tuple | list) and all(isinstance(name, str) and name for name in names)
    if not words or len(names) != 2 or len(set(names)) != 2:
        raise InputError(f'names must be two different words, as ("vit", "resnet"), not {names!r}')


def _check_measures(measure: str | Sequence[str]) -> tuple[str, ...]:
    asked = tuple(measure) if isinstance(measure, list | tuple) and measure else (measure,)
    for each in asked:
        check_measure(each)
    return asked


def _share(layers: Layers | tuple[Layers, Layers], n_models: int) -> list[Layers]:
    """What is asked of each model: a tuple of two, of two models, is one for each."""
    if n_models == 2 and isinstance(layers, tuple):
        if len(layers) != 2:
            raise InputError(f"layers must be one set for both models, or a tuple of two, not of {len(layers)}")
        return list(layers)
    return [layers] * n_models


def _list_stages(layers: Iterable[Layer]) -> set[str]:
    return {layer.stage for layer in layers if layer.stage is not None}
