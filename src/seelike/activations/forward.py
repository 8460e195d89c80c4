"""One forward pass, read by everything that wants something of it.

A reading is a context: on entering it hooks a model and gives a dictionary; while images pass through the model the
dictionary fills with what the hooks have reduced; on leaving it the hooks are gone.
"""

from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import nn

from seelike.activations.layers import evaluating

Reading = AbstractContextManager[dict[str, Any]]


@torch.no_grad()  # not inference_mode: what a model keeps from a pass (ConViT) could never be differentiated
def read_once(model: nn.Module, images: torch.Tensor, *readings: Reading) -> list[dict[str, Any]]:
    """Pass images (n, 3, height, width) once through a model; what each of the readings found.

    The model runs in evaluation mode and is left as it was: no hook, no mode, no gradient stays.
    """
    with evaluating(model), ExitStack() as entered:
        found = [entered.enter_context(reading) for reading in readings]
        model(images)
    return found
