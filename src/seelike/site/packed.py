"""Arrays as few bytes, for a page to fetch (`book/_static/explorer-files.js` reads them)."""

import json
from pathlib import Path

import numpy as np

from seelike.system.errors import InputError
from seelike.system.files import written_whole

Arrays = dict[str, tuple[np.ndarray, int]]  # name → values, and how many of its first axes have a scale each
LEVELS = 255


def write(path: Path, arrays: Arrays) -> None:
    """Write a file of `pack`, whole or not at all."""
    with written_whole(path) as beside:
        beside.write_bytes(pack(arrays))


def pack(arrays: Arrays) -> bytes:
    """The length of a head, four bytes; the head as JSON; then of each array its scales and numbers, little-endian.

    A number k of 0 to 255 stands for low + k · step, where `low` is an array's smallest value, and `step`, a float32,
    such that 255 stands for the largest value: of the whole array, or of each part that has a scale of its own. So
    values are off by half a step at most.

    Raises InputError for an array that holds anything but numbers.
    """
    head, body = {}, b""
    for name, (values, n_scaled) in arrays.items():
        if not np.isfinite(values).all():
            raise InputError(f"{name} must be numbers throughout, not NaN or infinite")
        low, parts = float(values.min()), values.reshape(*values.shape[:n_scaled], -1).astype(float)
        step = ((parts.max(-1) - low) / LEVELS).astype("<f4")
        codes = np.divide(parts - low, step[..., None], out=np.zeros(parts.shape), where=step[..., None] > 0)
        head[name] = {"shape": values.shape, "low": low, "scales": step.size}
        body += step.tobytes() + np.rint(codes).clip(0, LEVELS).astype(np.uint8).tobytes()
    start = json.dumps(head).encode()
    return len(start).to_bytes(4, "little") + start + body
