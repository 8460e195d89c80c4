"""Arrays by share of the training data, from results."""

import numpy as np

from seelike.results.labelled_array import LabelledArray


def rows_of(array: LabelledArray | None) -> list[tuple[int, np.ndarray]]:
    """Of an array by share of the data: (percent, values by block), from little data to all."""
    return list(zip(array.axes["percent"], array.values, strict=True)) if array else []
