"""What a file of packed arrays holds, read byte by byte: the oracle for those who write and show them."""

import json

import numpy as np


def unpack(data: bytes) -> dict[str, tuple[np.ndarray, float]]:
    """Name → values, and by how much they may be off: the bytes read one after the other."""
    start = 4 + int.from_bytes(data[:4], "little")
    found = {}
    for name, about in json.loads(data[4:start]).items():
        n_codes, n_scales = int(np.prod(about["shape"])), about["scales"]
        steps = np.frombuffer(data, "<f4", n_scales, start).astype(float)
        codes = np.frombuffer(data, np.uint8, n_codes, start + 4 * n_scales).reshape(n_scales, -1)
        found[name] = (about["low"] + codes * steps[:, None]).reshape(about["shape"]), steps.max() / 2
        start += 4 * n_scales + n_codes
    assert start == len(data)
    return found
