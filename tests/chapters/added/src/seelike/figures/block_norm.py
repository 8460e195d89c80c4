"""The figure of the chapter on norms. It draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.palette import COLORS
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Measures


def norms(measures: Measures, ax: Axes | None = None) -> Axes:
    """Mean norm of each block's output by depth; dashed: with random weights."""
    ax = ax or plt.subplots(figsize=(5, 3.2))[1]
    for name, style in (("block_norm", "o-"), ("block_norm_random", "--")):
        for role, array in measures[name].items():
            depth = np.linspace(0, 1, len(array.values))
            ax.plot(depth, array.values, style, color=COLORS[role], label=LABELS[role] if style == "o-" else "_")
    ax.set(xlabel="depth (0: first block, 1: last)", ylabel="mean norm", yscale="log")
    ax.legend(fontsize=8)
    return ax
