"""Pictures in a folder or a .tar: found by timm's readers, after a look at what those would take silently.

A reader has two attributes more here: `hidden`, what was passed over, of `seelike.images.hidden`, and `unclear`, of
`seelike.images.classes`: two folders that may be one class or two, so that folders tell no classes, or ().
"""

import os
import posixpath
import re
import tarfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import timm.data
from timm.data.readers import get_img_extensions, set_img_extensions
from timm.data.readers.reader import Reader

from seelike.images.classes import name_classes, number_classes
from seelike.images.decoding import TYPES, UNREAD_TYPES
from seelike.images.hidden import say_hidden, sort_out
from seelike.system.errors import InputError, nearest

PARTS = ("train", "val", "validation", "test")
SAME = ({"train", "training"}, {"val", "valid", "validation", "eval", "evaluation"})  # to timm
PACKED = (".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".zip", ".7z", ".rar")


def open_folder(data_dir: str, split: str) -> Reader:
    """timm's reader of (file, label): subfolders are classes; of a folder with parts, such as train, one part.

    Raises InputError, which names data_dir or split.
    """
    if not data_dir or not os.path.exists(data_dir):
        raise InputError(f"data_dir={data_dir!r} is not there: give a folder or a .tar file of pictures")
    if os.path.isdir(data_dir):
        _check_split(Path(data_dir), split)
        reader = _read(data_dir, split)
        _clean_folder(data_dir, reader)
        _check_links(data_dir, reader)
        return reader
    if data_dir.lower().endswith(PACKED):
        raise InputError(f"data_dir={data_dir!r} is compressed: unpack it, and give the folder or the plain .tar file")
    if Path(data_dir).suffix != ".tar":
        raise InputError(f"data_dir={data_dir!r} is neither a folder nor a .tar file")
    _check_archive(data_dir)
    reader = _read(data_dir, split, cache_tarinfo=False)  # a cache would be a pickle beside the user's file
    _clean_archive(data_dir, reader)
    return reader


def _read(data_dir: str, split: str, **how) -> Reader:
    try:
        with _all_types():
            return timm.data.create_dataset("", root=data_dir, split=split, **how).reader
    except (RuntimeError, ValueError):  # of a folder and of a .tar without pictures
        raise InputError(f"data_dir={data_dir!r} holds no pictures, files that end in {', '.join(TYPES)}") from None
    except (OSError, tarfile.TarError) as error:
        raise _refuse_archive(data_dir, error) from None


def _clean_folder(data_dir: str, reader: Reader) -> None:
    """Leave out what is hidden, and label what is left."""
    files = [file for file, _ in reader.samples]
    kept, reader.hidden = _sort_out(data_dir, [Path(os.path.relpath(file, data_dir)).as_posix() for file in files])
    within = [Path(os.path.relpath(files[number], reader.root)).as_posix() for number in kept]
    classes, reader.unclear = name_classes([posixpath.dirname(name) for name in within])
    reader.class_to_idx = number_classes(classes)
    labels = [reader.class_to_idx[name] for name in classes]
    reader.samples = [(files[number], label) for number, label in zip(kept, labels, strict=True)]


def _clean_archive(data_dir: str, reader: Reader) -> None:
    """The same for an archive, and for the archives in it, each of which is a folder."""
    inner = ["" if child is None else child.path.removesuffix(".tar") for _, _, child in reader.samples]
    paths = [posixpath.join(place, info.path) for place, (info, *_) in zip(inner, reader.samples, strict=True)]
    names = [posixpath.normpath(path).lstrip("/") for path in paths]
    kept, reader.hidden = _sort_out(data_dir, names)
    classes, reader.unclear = name_classes([posixpath.dirname(names[number]) for number in kept])
    reader.class_name_to_idx = number_classes(classes)
    reader.targets = np.array([reader.class_name_to_idx[name] for name in classes])
    reader.samples = reader.samples[kept]


def clean_image_folder(source) -> None:
    """Leave out what is hidden of a folder that torchvision reads, where the first folder is the class.

    The folders of ImageNet's classes lie in that of the split.
    """
    root = getattr(source, "split_folder", source.root)
    names = [Path(os.path.relpath(file, root)).as_posix() for file, _ in source.samples]
    kept, source.hidden = _sort_out(root, names)
    classes = [names[number].partition("/")[0] for number in kept]
    source.classes = sorted(set(classes))
    source.class_to_idx = {name: number for number, name in enumerate(source.classes)}
    source.targets = [source.class_to_idx[name] for name in classes]
    source.samples = [(source.samples[number][0], label) for number, label in zip(kept, source.targets, strict=True)]


def _sort_out(data_dir: str, names: list[str]) -> tuple[list[int], list[dict]]:
    kept, hidden = sort_out(names)
    if not kept:
        raise InputError(f"data_dir={data_dir!r} holds no pictures to use: {say_hidden(hidden)}")
    return kept, hidden


@contextmanager
def _all_types():
    """Let timm find pictures of all types, also those that nothing here reads: they are passed over by name later."""
    usual = get_img_extensions()
    set_img_extensions((*TYPES, *UNREAD_TYPES))
    try:
        yield
    finally:
        set_img_extensions(usual)


def _check_split(folder: Path, split: str) -> None:
    """timm takes all of a folder whose parts bear other names than the split asked for; that mixes the parts."""
    if not re.fullmatch(r"[^\W.][\w. -]*", split):
        raise InputError(f"split must be the plain name of a part of data_dir, such as validation, not {split!r}")
    parts = [part for part in PARTS if (folder / part).is_dir()]
    same = next((names for names in SAME if split in names), {split})
    if parts and not any((folder / name).is_dir() for name in same):
        raise InputError(
            f"split must be one of the parts of data_dir, {', '.join(parts)}, not {split!r}{nearest(split, parts)}"
        )


def _check_links(data_dir: str, reader: Reader) -> None:
    """A link back into the folder would show each picture many times."""
    folders = sorted({os.path.dirname(file) for file, _ in reader.samples})
    once: dict[str, str] = {}
    for folder in folders:
        first = once.setdefault(os.path.realpath(folder), folder)
        if first != folder:
            twins = " and ".join(repr(os.path.relpath(twin, data_dir)) for twin in (first, folder))
            raise InputError(f"data_dir={data_dir!r} holds one folder twice, by a symbolic link: {twins}"[:300])


def _check_archive(data_dir: str) -> None:
    """Look at both ends: where the zeros are missing that close an archive, pictures may be missing, too."""
    try:
        with tarfile.open(data_dir, "r:"), open(data_dir, "rb") as file:
            file.seek(-tarfile.BLOCKSIZE, os.SEEK_END)
            if any(file.read()):
                raise tarfile.ReadError("it is cut short")
    except (OSError, tarfile.TarError) as error:
        raise _refuse_archive(data_dir, error) from None


def _refuse_archive(data_dir: str, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"data_dir={data_dir!r} is no plain .tar file, or a damaged one: {reason}")
