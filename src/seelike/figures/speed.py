"""Figures of what measuring costs, from `make bench`. They draw on `axes` (or new ones) and return them."""

import numpy as np

from seelike.figures.forms import grid, in_both_forms, is_narrow
from seelike.figures.palette import COLORS
from seelike.tables.speed import GROWTHS


@in_both_forms
def growth(found: dict, axes: np.ndarray | None = None) -> np.ndarray:
    """Seconds (above) and peak memory (below) of CKA of all pairs against images, layers and size of a minibatch."""
    axes = grid(2, 3, 2.1) if axes is None else axes
    for column, (name, (key, label)) in zip(axes.T, GROWTHS.items(), strict=True):
        sizes = [run[key] for run in found[name]]
        for ax, measured, color in zip(column, ("seconds", "peak_mib"), ("vit", "cnn"), strict=True):
            ax.plot(sizes, [run[measured] for run in found[name]], "o-", color=COLORS[color], clip_on=False)
            ax.set_ylim(bottom=0)
            ax.set_xticks(sizes[:1] + sizes[-2:] if is_narrow() else sizes)
        column[-1].set_xlabel(label)
    for row, label in zip(axes, ("seconds", "peak memory, MiB"), strict=True):
        for ax in row if is_narrow() else row[:1]:
            ax.set_ylabel(label)
    return axes
