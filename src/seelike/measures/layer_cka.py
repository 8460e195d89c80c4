"""CKA of all layers of several models, in one matrix; for the models of every training at once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.measures.cka import CKA, Similarity, multiply
from seelike.measures.runner import Cast, Read, assemble, feed

T = TypeVar("T")
Minibatches = Callable[[dict[str, nn.Module]], Iterable[dict[str, torch.Tensor]]]


class JointCKA:
    """Accumulator of HSIC₁ between all layers of several models, called "role/layer".

    Args:
        reads: what gives the Gram matrices of each model, {layer: `multiply(activations)`}, in the order of the matrix.
    """

    def __init__(self, reads: dict[str, Read]):
        self.reads, self.cka = reads, CKA()

    @classmethod
    def of(cls, layers: dict[str, Iterable[str]]) -> "JointCKA":
        """Of the named layers of each model, all that they return, flattened."""
        return cls({role: Outputs(tuple(names), multiply) for role, names in layers.items()})

    def update(self, found: dict[str, dict[str, torch.Tensor]]) -> None:
        """Add one minibatch of the same images for all models; where these lie on several devices, on the first."""
        grams = {label(role, name): k for role, each in found.items() for name, k in each.items()}
        device = next(iter(grams.values())).device
        self.cka.update({name: k.to(device) for name, k in grams.items()})

    def merge(self, *others: "JointCKA") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.cka.merge(*(other.cka for other in others))

    def result(self) -> Similarity:
        """Raises InputError before the first minibatch."""
        return self.cka.result()


def label(role: str, layer: str) -> str:
    """What a model's layer is called among those of all models."""
    return f"{role}/{layer}"


def split_by_model(cka: np.ndarray, n_layers: dict[str, int]) -> dict[tuple[str, str], np.ndarray]:
    """The matrix of all layers, one model's after the other's → that of each pair of models.

    Args:
        cka: (layers, layers), of all models.
        n_layers: how many of them are each model's, in their order.
    """
    ends = np.cumsum([0, *n_layers.values()])
    parts = {role: slice(start, end) for role, start, end in zip(n_layers, ends[:-1], ends[1:], strict=True)}
    return {(one, other): cka[parts[one], parts[other]] for one in parts for other in parts}


def compare_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    find_axes: Callable[[Cast], T],
    name_layers: Callable[[T], dict[str, Iterable[str]]],
) -> list[tuple[T, Similarity]]:
    """CKA of all layers of each run's models, with the axes that `find_axes` tells from what is known of them.

    Args:
        loaded: the models of every run, {"vit": …, …}; one that several of them share sees the images once.
        find_minibatches: takes such models to minibatches of the same images for all.
        name_layers: takes the axes to {model: layer names}, in the order of the matrix.
    """
    runs = list(loaded)
    casts, minibatches = assemble(runs, find_minibatches(runs[0]))
    axes = [find_axes(cast) for cast in casts]
    ckas = [cast.compare(JointCKA.of(name_layers(own))) for cast, own in zip(casts, axes, strict=True)]
    found = feed(minibatches, *casts)
    return [(own, found[cka]) for own, cka in zip(axes, ckas, strict=True)]
