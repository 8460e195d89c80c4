"""What pages of one build, each in a process of its own, need not find twice: a file a finding, in a folder of theirs.

The folder stands in the environment while a build goes on; without one nothing is kept.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seelike.system.files import write_text

FOLDER = "SEELIKE_SHARED_FINDINGS"


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """While this goes on, this process and those that it starts keep findings in `folder`."""
    os.environ[FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[FOLDER]


def are_kept() -> bool:
    """Whether there is a folder for them."""
    return FOLDER in os.environ


def recall(key: str) -> dict | None:
    """What was kept under a key, a hash of all that the finding depends on; None where nothing was."""
    file = _place(key)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def keep(key: str, found: dict) -> None:
    """Keep a finding, of what JSON can hold."""
    write_text(_place(key), json.dumps(found))


def _place(key: str) -> Path:
    return Path(os.environ[FOLDER]) / f"{key}.json"
