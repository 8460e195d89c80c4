"""Accuracies of the models of one chapter, in words."""

import numpy as np

from seelike.results.labelled_array import Measures


def tell_accuracies(measures: Measures) -> dict[str, str]:
    """Model → `84.5% [82.1, 86.9]`, its accuracy with its interval where there is one; empty if none was measured."""
    if "accuracy" not in measures:
        return {}
    shares, intervals = measures["accuracy"]["vit"], measures["accuracy_interval"]["vit"]
    found = {}
    for model, share, (low, high) in zip(shares.axes["model"], shares.values, intervals.values, strict=True):
        interval = "" if np.isnan(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"
        found[model] = f"{share:.1%}{interval}"
    return found
