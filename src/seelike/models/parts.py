"""Where in a file the weights of one model lie: all of it, an average beside plain weights, a part of a larger model.

The names of a file's tensors are read as paths, such as teacher.backbone.cls_token, whether they are parted by dots or
by dictionaries within one another. A part is the path that all weights of one model begin with; FILE#PART names one.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from seelike.models.checkpoints import read_pickle
from seelike.system.errors import InputError
from seelike.system.progress import tell

Tensors = dict[str, torch.Tensor]


def split_part(checkpoint: str) -> tuple[str, str]:
    """FILE#PART in two; what is a file as it stands is all of it."""
    file, mark, part = checkpoint.rpartition("#")
    return (file, part) if mark and not os.path.isfile(checkpoint) else (checkpoint, "")


def read_tensors(file: str | Path) -> Tensors:
    """All tensors of a file by their paths; of a pickle what `torch.load` reads without running code."""
    content = load_file(file) if Path(file).suffix == ".safetensors" else read_pickle(Path(file))
    return dict(_flatten(content))


def check_part(parameter: str, checkpoint: str) -> None:
    """Refuse a file that holds no weights, or none in the part that is named. Raises InputError."""
    file, part = split_part(checkpoint)
    names = dict.fromkeys(_read_names(file))
    if not names:
        raise InputError(f"{parameter}={file!r} holds no weights by name")
    if not take(names, part):
        parts = ", ".join(_find_inner(names, "", 1))
        raise InputError(f"{parameter}={checkpoint!r}: the file holds no weights under {part!r}, but under {parts}")


def take(tensors: Mapping, part: str) -> dict:
    """The weights under a part, by the rest of their paths; or whatever stands for them by the same paths."""
    start = f"{part}." if part else ""
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def narrow(tensors: Tensors, part: str = "") -> list[str]:
    """The parts down from a part that hold all its weights, the innermost first.

    The others are mostly wrappers, such as state_dict or module, but not all: a DenseNet without a head has all its
    weights under features.
    """
    ways, inner = [part], _find_inner(tensors, part, 1)
    while len(inner) == 1 and len(take(tensors, inner[0])) == len(take(tensors, part)):
        ways.insert(0, inner[0])
        inner = _find_inner(tensors, inner[0], 1)
    return ways


def find_inner(tensors: Tensors, part: str, least: int) -> list[str]:
    """The parts one step within a part, wrappers apart, that hold `least` weights or more."""
    return _find_inner(tensors, narrow(tensors, part)[0], least)


def choose(parts: list[str], file: str, source: str, name: str) -> str:
    """Of the parts of a file that fit the only one, or the running average; the choice is said."""
    average = _find_average(parts)
    if len(parts) > 1 and not average:
        named = " or ".join(f"{Path(file).name}#{part}" for part in parts)
        raise InputError(f"{source} holds several sets of weights that fit {name}: choose {named}")
    if average:
        plain = next(part for part in parts if part != average)
        tell(f"{source}: the averaged weights under {average} are taken; FILE#{plain} takes the plain ones beside them")
        return average
    tell(f"{source}: the weights under {parts[0]} are taken, the only ones in the file that fit")
    return parts[0]


def _find_average(parts: list[str]) -> str:
    """Of two parts the one whose name says that it is a running average (EMA) of the other; "" if none does."""
    averages = [part for part in parts if re.search(r"(^|[._])ema([._]|$)", part)]
    return averages[0] if len(parts) == 2 and len(averages) == 1 else ""


def _find_inner(tensors: Mapping, part: str, least: int) -> list[str]:
    counts = Counter(name.partition(".")[0] for name in take(tensors, part) if "." in name)
    return [f"{part}.{inner}".lstrip(".") for inner, count in counts.items() if count >= least]


def _read_names(file: str) -> list[str]:
    """The paths of all tensors; of a .safetensors file from its header alone."""
    if Path(file).suffix != ".safetensors":
        return list(read_tensors(file))
    with safe_open(file, framework="pt") as tensors:
        return list(tensors.keys())


def _flatten(content: Mapping, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    for key, value in content.items():
        if isinstance(value, torch.Tensor):
            yield f"{path}{key}", value
        elif isinstance(value, Mapping):
            yield from _flatten(value, f"{path}{key}.")
