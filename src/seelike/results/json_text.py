"""How arrays and results are written: plain values, rounded, one line for each row, the file whole or not at all; and
how they are read."""

import json
import math
from pathlib import Path

import numpy as np

from seelike.system.errors import InputError
from seelike.system.files import write_text

DECIMALS = 6


def write(path: Path, value) -> Path:
    """Write a value as JSON to a file, whole or not at all; its folder is made where there is none."""
    return write_text(path, pretty(plain(value)) + "\n")


def read(path: str | Path, what: str):
    """The content of a JSON file, called `what` and its path where InputError says that it is none."""
    try:
        return _parse(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # of text, of JSON
        raise InputError(f"{what} {path} is no JSON: {error}") from None


def _parse(content: bytes):
    parsed = json.loads(content.decode(), parse_constant=_refuse_constant)
    if b"\\ud" in content.lower():  # half of a character, perhaps, which could not be printed
        json.dumps(parsed, ensure_ascii=False).encode()
    return parsed


def _refuse_constant(name: str):
    raise ValueError(f"{name} stands in it")


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
