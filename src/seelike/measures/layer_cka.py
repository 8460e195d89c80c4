"""CKA of all layers of several models, for the models of every training at once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import nn

from seelike.activations.flattened import read_all
from seelike.measures.cka import CKA, Similarity, multiply
from seelike.system import processes

T = TypeVar("T")
Minibatches = Callable[[dict[str, nn.Module]], Iterable[dict[str, torch.Tensor]]]


def compare_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    find_axes: Callable[[dict[str, nn.Module], dict[str, torch.Tensor]], T],
    name_layers: Callable[[T], dict[str, list[str]]],
) -> list[tuple[T, Similarity]]:
    """CKA of all layers of each run's models, with the axes that `find_axes` tells from models and images.

    Args:
        loaded: the models of every run, {"vit": …, …}; one that several of them share sees the images once.
        find_minibatches: takes such models to minibatches of the same images for all.
        name_layers: takes the axes to {model: layer names}.
    """
    runs, axes = list(loaded), []
    ckas = [CKA() for _ in runs]
    for images in find_minibatches(runs[0]):
        axes, seen = axes or [find_axes(models, images) for models in runs], {}
        for models, own, cka in zip(runs, axes, ckas, strict=True):
            cka.update(read_all(models, images, name_layers(own), multiply, seen))
    similarities = [processes.merge(cka).result() for cka in ckas]
    return list(zip(axes, similarities, strict=True))
