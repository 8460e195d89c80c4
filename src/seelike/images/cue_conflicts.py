"""Cue conflicts: pictures with the shape of one class and the texture of another, which tell what a model goes by.

Either drawings (`seelike.images.shapes.Conflicts`), or pictures of any folder or archive whose names say what they
show, as those of Geirhos et al. (2019) do: `cat7-elephant1.jpg` has the shape of a cat and the texture of an elephant.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from timm.data.readers.reader import Reader

from seelike.images import datasets
from seelike.images.folders import open_folder
from seelike.images.picture_set import PictureSet
from seelike.images.shapes import CLASS_CUES, CONFLICTS, Conflicts
from seelike.system.errors import InputError

SPLIT = "validation"
NAME = re.compile(r"([^\W\d_][^/\d]*)\d*-([^\W\d_][^/\d]*)\d*\.\w+")  # shape, then texture


@dataclass(frozen=True, eq=False)
class CueConflicts:
    """`images`, and of each the value of its shape and of its texture, (n,).

    A model answers one of `groups` of its classes; `shape_of` and `texture_of` tell, of every group, which shape and
    which texture it has.
    """

    images: datasets.Chosen
    shapes: np.ndarray
    textures: np.ndarray
    groups: tuple[tuple[int, ...], ...]
    shape_of: np.ndarray
    texture_of: np.ndarray


def open_drawings(n_images: int, seed: int) -> CueConflicts:
    """So many drawings, chosen by `seed`, of the classes of `shapes`. Raises InputError, which names n_conflicts."""
    chosen = datasets.choose(Conflicts(SPLIT), n_images, seed, "n_conflicts")
    cues = CONFLICTS[datasets.read_labels(chosen).numpy()]
    groups = tuple((label,) for label in range(len(CLASS_CUES)))
    return CueConflicts(chosen, cues[:, 0], cues[:, 1], groups, CLASS_CUES[:, 0], CLASS_CUES[:, 1])


def open_pictures(place: str, classes: str, n_images: int, seed: int) -> CueConflicts:
    """So many pictures of a folder or .tar, chosen by `seed`, of those whose names tell a shape and another texture.

    Args:
        classes: a JSON file: what names call a shape or a texture → the numbers of a model's classes that are of it,
            {"classes": {"cat": [281, 282], …}}.

    Raises InputError, which names conflicts_data_dir, conflicts_classes or n_conflicts.
    """
    try:
        reader = open_folder(os.path.expanduser(place), SPLIT)
        known = _read_classes(classes)
        conflicts = _Conflicts(reader, place, known)
        chosen = datasets.choose(PictureSet(conflicts, place), n_images, seed, "n_conflicts")
    except InputError as error:
        raise InputError(str(error).replace("data_dir", "conflicts_data_dir")) from None
    numbers = {name: number for number, name in enumerate(known)}
    shapes, textures = np.array([[numbers[cue] for cue in conflicts.cues[i]] for i in chosen.indices]).T
    every = np.arange(len(known))
    return CueConflicts(chosen, shapes, textures, tuple(map(tuple, known.values())), every, every)


class _Conflicts:
    """Those files of a reader whose names tell a shape and another texture; `cues` are these, of each file."""

    def __init__(self, reader: Reader, place: str, classes: dict[str, list[int]]):
        names = [NAME.fullmatch(os.path.basename(reader.filename(i))) for i in range(len(reader))]
        told = {i: name.groups() for i, name in enumerate(names) if name and {*name.groups()} <= {*classes}}
        conflicts = {i: cues for i, cues in told.items() if cues[0] != cues[1]}
        if not conflicts:
            raise InputError(
                f"data_dir={place!r} must hold pictures called as cat7-elephant1.jpg is, shape first, by two of the "
                f"{len(classes)} names in conflicts_classes"
            )
        self.reader, self.own, self.cues = reader, list(conflicts), list(conflicts.values())
        self.hidden = reader.hidden

    def __len__(self) -> int:
        return len(self.own)

    def __getitem__(self, index: int) -> tuple[BinaryIO, int]:
        return self.reader[self.own[index]]

    def filename(self, index: int, **how) -> str:
        """As of all files."""
        return self.reader.filename(self.own[index], **how)


def _read_classes(path: str) -> dict[str, list[int]]:
    try:
        classes = json.loads(Path(path).read_text(encoding="utf-8"))["classes"]
        good = len(classes) > 1 and all(own and all(type(n) is int and n >= 0 for n in own) for own in classes.values())
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        good = False
    if not good:
        raise InputError(
            "conflicts_classes must be a JSON file of two or more names that pictures are called by and the numbers of "
            f'the classes that are so, {{"classes": {{"cat": [281, 282], …}}}}, not {path!r}'
        )
    return classes
