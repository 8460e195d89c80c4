"""Arrays by share of the training data, from results."""

import numpy as np


def rows_of(entry: dict | None) -> list[tuple[int, np.ndarray]]:
    """Of an array by share of the data: (percent, values by block), from little data to all."""
    return list(zip(entry["axes"]["percent"], entry["values"], strict=True)) if entry else []
