"""Figures that several chapters share, from results. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from seelike.figures.palette import MAP, ON_MAP
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays, LabelledArray

OUTLINE = [withStroke(linewidth=2.2, foreground="#000000", alpha=0.5)]  # so that a line shows on bright cells too


def similarity(array: LabelledArray, title: str = "", ax: Axes | None = None) -> Axes:
    """Heatmap of CKA: the first axis of `array` upwards, the second to the right, from input to output.

    All heatmaps of the book share the limits 0 and 1; the rare estimate below 0 is drawn as 0.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    down, across = array.axes
    sns.heatmap(
        array.values, vmin=0, vmax=1, cmap=MAP, cbar=False, ax=ax, rasterized=True,
        xticklabels=False, yticklabels=False,
    )  # fmt: skip
    ax.invert_yaxis()
    for axis, labels, name in ((ax.yaxis, array.axes[down], down), (ax.xaxis, array.axes[across], across)):
        axis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_major_formatter("{x:.0f}")
        axis.set_label_text(_axis_label(name))
        axis.set_view_interval(0, len(labels), ignore=True)
    for end in array.boundaries or []:
        for draw in (ax.axhline, ax.axvline):
            draw(end, color=ON_MAP, linewidth=0.9, path_effects=OUTLINE)
    ax.set_box_aspect(1)
    ax.tick_params(left=True, bottom=True, length=3)
    ax.set_title(title)
    return ax


def uniformity(cka: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Three heatmaps in a row: ViT with itself, CNN with itself, and one against the other."""
    axes = plt.subplots(1, 3, figsize=(9, 3.2))[1] if axes is None else axes
    titles = {"vit": "ViT", "cnn": "CNN", "vit_cnn": "ViT against CNN"}
    for ax, (pair, title) in zip(axes, titles.items(), strict=True):
        similarity(cka[pair], title, ax)
    colors = axes[-1].collections[0]
    axes[-1].figure.colorbar(colors, ax=list(axes), label="CKA", shrink=0.75, pad=0.02)
    return axes


def _axis_label(name: str) -> str:
    """ "vit_layer" → "ViT layer, input → output"."""
    roles = [LABELS[part] for part in name.split("_") if part in LABELS]
    return " ".join([*roles, "layer, input → output"])
