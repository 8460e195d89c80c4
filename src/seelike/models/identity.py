"""What a model is called. A name's tag says what weights learned from, so weights of another file never bear it.

Weights of the hub and bundled ones are known by their hash, and keep their whole name. A file of the user's may hold
anything: such a model is its architecture and the file, and what the user calls it, if anything.
"""

import re
from pathlib import Path

from torch import nn

from seelike.models import bundled
from seelike.models.parts import split_part
from seelike.system.errors import InputError

LABEL = re.compile(r"[\w(][\w ,.:;()/+×&'’-]{0,79}")  # what stands unchanged in a table, a caption and a figure


def check_label(parameter: str, label: str, checkpoint: str) -> None:
    """Refuse a label that could not be shown, or of weights that have a name. `parameter` is the model's, "vit".

    Raises InputError, which names `parameter`_label.
    """
    if label and not checkpoint:
        raise InputError(f"{parameter}_label is for weights of your own: give their file as {parameter}_checkpoint")
    if label and not LABEL.fullmatch(label):
        raise InputError(
            f"{parameter}_label must be at most 80 letters, digits, spaces and signs such as /, - or (), not {label!r}"
        )


def identify(model: nn.Module, name: str, checkpoint: str = "", label: str = "", initial: bool = False) -> dict:
    """Name and origin of a model, for the provenance of a result; of weights from a file the architecture as well.

    The origin is "bundled", "hub", "file" or, of an `initial` state, "random". Weights from a file are called as the
    user says, or by architecture and file; the same architecture untrained by the architecture alone.
    """
    architecture = model.pretrained_cfg.get("architecture") or name.partition(".")[0]
    if checkpoint and initial:
        return {"name": architecture, "origin": "random"}
    if checkpoint:
        file = Path(split_part(checkpoint)[0]).name
        called = label or f"{architecture} with weights from {file}"
        return {"name": called, "architecture": architecture, "origin": "file"}
    is_bundled = Path(model.pretrained_cfg.get("file") or "").parent == bundled.WEIGHTS
    return {"name": name, "origin": "random" if initial else "bundled" if is_bundled else "hub"}


def is_resnet(model: nn.Module) -> bool:
    """Whether a CNN is a ResNet, of either version: its class says so, or one that it was made from."""
    return any(each.__name__ in ("ResNet", "ResNetV2") for each in type(model).__mro__)
