"""One forward pass, read by everything that wants something of it.

A reading is a context: on entering it hooks a model and gives a dictionary; while images pass through the model the
dictionary fills with what the hooks have reduced; on leaving it the hooks are gone. A measure that accumulates offers
its reading of a minibatch (`reading`), and takes what was read (`update`).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

import torch
from torch import nn

from seelike.activations.layers import evaluating

Reading = AbstractContextManager[dict[str, Any]]


class Measure(Protocol):
    """What accumulates over minibatches and needs no features of an earlier one."""

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """What it reads of a pass of these images, (n, 3, height, width)."""

    def update(self, found: dict[str, Any]) -> None:
        """Add what was read of one minibatch."""


@torch.no_grad()  # not inference_mode: what a model keeps from a pass (ConViT) could never be differentiated
def read_once(model: nn.Module, images: torch.Tensor, *readings: Reading) -> list[dict[str, Any]]:
    """Pass images (n, 3, height, width) once through a model; what each of the readings found.

    The model runs in evaluation mode and is left as it was: no hook, no mode, no gradient stays.
    """
    with evaluating(model), ExitStack() as entered:
        found = [entered.enter_context(reading) for reading in readings]
        model(images)
    return found


def feed(model: nn.Module, images: torch.Tensor, *measures: Measure) -> None:
    """Pass one minibatch once through a model and let every measure take its part."""
    readings = [measure.reading(model, images) for measure in measures]
    for measure, found in zip(measures, read_once(model, images, *readings), strict=True):
        measure.update(found)


def feed_all(model: nn.Module, minibatches: Iterable[torch.Tensor], measure: Measure) -> None:
    """The same with every minibatch, for a single measure."""
    for images in minibatches:
        feed(model, images, measure)
