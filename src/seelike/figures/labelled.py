"""Heatmaps of arrays that say themselves what their axes are. Each function draws on `ax` (or a new one)."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes

from seelike.figures.forms import color_bar
from seelike.figures.heatmaps import similarity
from seelike.figures.palette import MAP
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError

MEASURES = {  # as colour bars call them
    "cka": "CKA",
    "rsa": "RSA, rank correlation",
    "knn": "mutual nearest neighbours",
    "procrustes": "Procrustes, cosine",
    "rbf_cka": "CKA with an RBF kernel",
}


def heatmap(array: LabelledArray, title: str = "", ax: Axes | None = None) -> Axes:
    """Heatmap of any quantity over two named axes, from its least to its largest value.

    Raises InputError for an array of fewer or more axes.
    """
    if len(array.axes) != 2:
        raise InputError(f"result must have two axes to be drawn as a heatmap, not {', '.join(array.axes)}")
    ax = ax or plt.subplots(figsize=(4.6, 4))[1]
    (down, rows), (across, columns) = array.axes.items()
    sns.heatmap(
        array.values, cmap=MAP, ax=ax, rasterized=True, yticklabels=rows,
        xticklabels=columns if len(columns) <= 12 else "auto", cbar_kws={"label": array.units} if array.units else None,
    )  # fmt: skip
    ax.set(xlabel=across, ylabel=down, title=title)
    return ax


def layers(array: LabelledArray, title: str = "", ax: Axes | None = None, measure: str = "cka") -> Axes:
    """Heatmap of similarities as everywhere in the book, with its colour bar and the names of its axes."""
    ax = similarity(array, title, ax)
    color_bar(ax.images[0], [ax], MEASURES[measure])
    return ax
