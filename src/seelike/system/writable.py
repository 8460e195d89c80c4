"""Whether a result could be written to a place, asked before the work that it would take."""

import os
import tempfile
from pathlib import Path


def is_writable(folder: Path) -> bool:
    """Whether files can be written to a folder that is there, or that could be made; leaves nothing behind."""
    folder = folder.absolute()
    try:
        there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
        with tempfile.TemporaryFile(dir=there):
            return there == folder or _can_be_named(folder)
    except (OSError, ValueError):
        return False


def _can_be_named(folder: Path) -> bool:
    """Whether the system takes such names; that nothing is there yet is no obstacle."""
    try:
        os.stat(folder)
    except FileNotFoundError:
        return True
    return False
