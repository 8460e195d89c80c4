"""Pictures in a folder or a .tar: found by timm's readers, after a look at what those would take silently."""

import os
import re
import tarfile
from contextlib import contextmanager
from pathlib import Path

import timm.data
from timm.data.readers import get_img_extensions, set_img_extensions
from timm.data.readers.reader import Reader

from seelike.images.decoding import TYPES, UNREAD_TYPES
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
        _check_links(data_dir, reader)
        return reader
    if data_dir.lower().endswith(PACKED):
        raise InputError(f"data_dir={data_dir!r} is compressed: unpack it, and give the folder or the plain .tar file")
    if Path(data_dir).suffix != ".tar":
        raise InputError(f"data_dir={data_dir!r} is neither a folder nor a .tar file")
    _check_archive(data_dir)
    return _read(data_dir, split, cache_tarinfo=False)  # a cache would be a pickle beside the user's file


def _read(data_dir: str, split: str, **how) -> Reader:
    try:
        with _all_types():
            return timm.data.create_dataset("", root=data_dir, split=split, **how).reader
    except (RuntimeError, ValueError):  # of a folder and of a .tar without pictures
        raise InputError(f"data_dir={data_dir!r} holds no pictures, files that end in {', '.join(TYPES)}") from None
    except (OSError, tarfile.TarError) as error:
        raise _refuse_archive(data_dir, error) from None


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
