"""Best matches of a model's layers, held against chance. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from seelike.figures.palette import COLORS, SERIES
from seelike.results.labelled_array import LabelledArray

LINES = {  # score → its label, colour and line
    "best": ("as the images are", COLORS["vit"], "-"),
    "class": ("shuffled within their classes, upper tail", SERIES[2], "--"),
    "chance": ("shuffled, upper tail", COLORS["random"], ":"),
}


def best_matches(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """The best match of each layer, over depth, with what shuffled images give; within classes where they are known."""
    ax = ax or plt.subplots(figsize=(7.5, 3))[1]
    found = dict(zip(array.axes["score"], array.values, strict=True))
    for score, (label, color, style) in LINES.items():
        if score in found:
            ax.plot(found[score], style, color=color, label=label)
    ax.set(ylim=(0, 1), xlabel="ViT layer, input → output", ylabel="best CKA with any CNN layer")
    ax.legend(fontsize=8)
    return ax
