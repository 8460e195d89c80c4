"""Figures of what measuring costs, from `make bench`. They draw on `axes` (or new ones) and return them."""

import matplotlib.pyplot as plt
import numpy as np

from seelike.figures.palette import COLORS
from seelike.tables.speed import GROWTHS


def growth(found: dict, axes: np.ndarray | None = None) -> np.ndarray:
    """Seconds (above) and peak memory (below) of CKA of all pairs against images, layers and size of a minibatch."""
    axes = plt.subplots(2, 3, figsize=(9, 4.2), layout="constrained", sharex="col")[1] if axes is None else axes
    for column, (name, (key, label)) in zip(axes.T, GROWTHS.items(), strict=True):
        sizes = [run[key] for run in found[name]]
        for ax, measured, color in zip(column, ("seconds", "peak_mib"), ("vit", "cnn"), strict=True):
            ax.plot(sizes, [run[measured] for run in found[name]], "o-", color=COLORS[color])
            ax.set_ylim(bottom=0)
            ax.set_xticks(sizes)
        column[-1].set_xlabel(label)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory, MiB")
    return axes
