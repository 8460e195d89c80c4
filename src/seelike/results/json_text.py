"""How arrays and results are written: plain values, rounded, one line for each row, the file whole or not at all."""

import json
import math
from pathlib import Path

import numpy as np

from seelike.system.files import write_text

DECIMALS = 6


def write(path: Path, value) -> Path:
    """Write a value as JSON to a file, whole or not at all; its folder is made where there is none."""
    return write_text(path, pretty(plain(value)) + "\n")


def plain(value):
    """Arrays become nested lists, numbers are rounded, NaN becomes null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def pretty(value, indent: int = 0) -> str:
    """JSON with one line for each list of plain values, so that a row of a matrix is a line of a diff."""
    inner = " " * (indent + 1)
    if isinstance(value, dict) and value:
        items = [f"{json.dumps(key)}: {pretty(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(inner + pretty(item, indent + 1) for item in value) + "\n" + " " * indent + "]"
    return json.dumps(value, ensure_ascii=False)
