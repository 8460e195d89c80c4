"""Files: written whole or not at all, and checked by hash."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A file beside `path` to write to: it takes that name where the block ends well, and is gone otherwise.

    The folder is made where there is none. Its name ends as `path` does, for those who tell a format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}.{path.name}")  # a move within one folder is whole or not at all
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file, whole or not at all; returns its path."""
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return Path(path)


def sha256(file: str | Path) -> str:
    """The file's SHA-256, in hex; read once a process, unless the file has changed since."""
    now = Path(file).stat()
    return _digest(Path(file), now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@lru_cache
def _digest(file: Path, *state: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
