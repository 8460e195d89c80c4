"""Files of weights: what such a file may be, and where it does not fit a model."""

import argparse
import os
import pickle
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from seelike.system.errors import InputError

PICKLES = (".pth", ".pt", ".bin", ".pth.tar")
NAMED = 3  # how many weights a refusal names of each kind


@dataclass
class Misfit:
    """Where the weights of a file and those of a model do not match, by the names that timm gives them.

    `missing` in the file; `unexpected` by the model; `reshaped`: name → shape in the file, shape in the model.
    """

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    reshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @classmethod
    def read(cls, error: Exception) -> "Misfit":
        """From the text of what torch's `load_state_dict` raises; empty if the error is another one."""
        found, text = cls(), str(error)
        for names, kind in ((found.missing, "Missing"), (found.unexpected, "Unexpected")):
            for listed in re.findall(rf"{kind} key\(s\) in state_dict: (.*)", text):
                names += re.findall(r'"([^"]+)"', listed)
        for name, *shapes in re.findall(r"size mismatch for (\S+): .*?Size\(\[(.*?)\]\).*?Size\(\[(.*?)\]\)", text):
            found.reshaped[name] = tuple(tuple(map(int, filter(None, shape.split(", ")))) for shape in shapes)
        return found

    def names(self) -> set[str]:
        """Every weight that does not match."""
        return {*self.missing, *self.unexpected, *self.reshaped}

    def __str__(self) -> str:
        shapes = [f"{name} {theirs} instead of {ours}" for name, (theirs, ours) in self.reshaped.items()]
        kinds = {"missing": self.missing, "unexpected": self.unexpected, "of another shape": shapes}
        return "; ".join(f"{len(names)} {kind}: {_first(names)}" for kind, names in kinds.items() if names)


def check_file(parameter: str, file: Path) -> None:
    """Refuse a file that is none of weights, or a pickle that holds more than weights; reads no more than its index.

    Raises InputError, which names `parameter`.
    """
    if not os.path.isfile(file):
        raise InputError(f"{parameter}={str(file)!r} is not a file")
    if file.suffix == ".safetensors":
        _check_safetensors(parameter, file)
    elif file.name.endswith(PICKLES):
        _check_pickle(parameter, file)
    else:
        allowed = ", ".join(PICKLES)
        raise InputError(
            f"{parameter} must be a .safetensors file, or a pickle of weights ({allowed}), not {file.name!r}"
        )


def check_numbers(model: nn.Module, where: str) -> None:
    """Refuse weights that are NaN or infinite, by name. `where` begins the sentence, as "vit='…'"."""
    statistics = ((name, buffer) for name, buffer in model.named_buffers() if "running_" in name)
    named = [*model.named_parameters(), *statistics]
    bad = [name for name, value in named if not torch.isfinite(value).all()]
    if bad:
        raise InputError(f"{where} holds NaN or infinite numbers, in {len(bad)} of {len(named)} weights: {_first(bad)}")


def _check_safetensors(parameter: str, file: Path) -> None:
    try:
        with safe_open(file, framework="pt") as tensors:
            names = tensors.keys()
    except (SafetensorError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{parameter}={str(file)!r} is truncated or no safetensors file: {reason}") from None
    if not names:
        raise InputError(f"{parameter}={str(file)!r} holds no weights")


def _check_pickle(parameter: str, file: Path) -> None:
    try:
        content = read_pickle(file)
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not foreign:
            raise InputError(
                f"{parameter}={str(file)!r} is damaged, or a pickle of more than weights, which is never run: "
                "give a file that torch.save(model.state_dict(), …) wrote, or a .safetensors file"
            ) from None
        raise InputError(
            f"{parameter}={str(file)!r} holds Python code ({foreign[1]}), which is never run: save the weights alone, "
            "by torch.save(model.state_dict(), …) or as .safetensors"
        ) from None
    except Exception as error:  # a truncated or foreign file raises many kinds
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        raise InputError(f"{parameter}={str(file)!r} is truncated or no file of torch.save: {reason}") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{parameter}={str(file)!r} holds no weights by name, but a {type(content).__name__}")


def read_pickle(file: Path):
    """What torch.save wrote, without its numbers where the format allows; timm's own training runs hold a Namespace."""
    with file.open("rb") as start:
        zipped = {"mmap": True} if start.read(2) == b"PK" else {}
    with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings(action="ignore"):
        return torch.load(file, map_location="cpu", weights_only=True, **zipped)


def _first(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
