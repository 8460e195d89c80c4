"""Best matches of a model's layers, held against chance. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.depths import mark_parts
from seelike.figures.forms import in_both_forms, width_of
from seelike.figures.palette import COLORS, PARTS
from seelike.figures.style import LABELS
from seelike.results.labelled_array import LabelledArray

LINES = {  # score → its label, colour and line
    "best": ("as the images are", COLORS["vit"], "-"),
    "class": ("shuffled within their classes, upper tail", PARTS[0], "--"),
    "chance": ("shuffled, upper tail", COLORS["random"], ":"),
}


@in_both_forms
def best_matches(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """The best match of each layer, over depth, with what shuffled images give; within classes where they are known."""
    ax = ax or plt.subplots(figsize=(width_of(7.5), 3))[1]
    found = dict(zip(array.axes["score"], array.values, strict=True))
    for score, (label, color, style) in LINES.items():
        if score in found:
            ax.plot(np.arange(len(found[score])) + 0.5, found[score], style, color=color, label=label)
    mark_parts(ax.xaxis, next(labels for axis, labels in array.axes.items() if axis != "score"), LABELS["vit"])
    ax.set(ylim=(0, 1), ylabel="best CKA with any CNN layer")
    ax.legend()
    return ax
