"""Figures that several chapters share, from results. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from seelike.figures.depths import mark_parts
from seelike.figures.forms import WIDE, color_bar, grid, in_both_forms, is_narrow, panels
from seelike.figures.palette import MAP, ON_MAP
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays, LabelledArray

PAIRS = {"vit": "ViT", "cnn": "CNN", "vit_cnn": "ViT against CNN"}  # of models, and what their panels are called
OUTLINE = [withStroke(linewidth=2.2, foreground="#000000", alpha=0.5)]  # so that a line shows on bright cells too


def similarity(array: LabelledArray, title: str = "", ax: Axes | None = None) -> Axes:
    """Heatmap of CKA: the first axis of `array` upwards, the second to the right, from input to output.

    All heatmaps of the book share the limits 0 and 1; the rare estimate below 0 is drawn as 0.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    (down, rows), (across, columns) = array.axes.items()
    place = {"origin": "lower", "extent": (0, len(columns), 0, len(rows)), "aspect": "auto"}
    ax.imshow(array.values, vmin=0, vmax=1, cmap=MAP, interpolation="none", **place)
    mark_parts(ax.yaxis, rows, _name_model(down))
    mark_parts(ax.xaxis, columns, _name_model(across))
    for end in array.boundaries or []:
        for draw in (ax.axhline, ax.axvline):
            draw(end, color=ON_MAP, linewidth=0.9, path_effects=OUTLINE)
    ax.set_box_aspect(1)
    ax.spines[:].set_visible(False)
    ax.set_title(title)
    return ax


@in_both_forms
def uniformity(cka: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Three heatmaps: ViT with itself, CNN with itself, and one against the other."""
    return draw_row({title: cka[pair] for pair, title in PAIRS.items()}, axes)


@in_both_forms
def beside_control(trained: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The heatmaps of `uniformity`, and those of the same models with random weights, (2, 3)."""
    axes = grid(2, len(PAIRS), 3.05) if axes is None else axes
    for row, cka, kind in zip(axes, (trained, control), ("trained", "random weights"), strict=True):
        for ax, (pair, title) in zip(row, PAIRS.items(), strict=True):
            similarity(cka[pair], f"{title},\n{kind}", ax)
    color_bar(axes[0, -1].images[0], axes, "CKA", 0.4)
    return axes


def draw_row(
    shown: dict[str, LabelledArray], axes: np.ndarray | None, width: float = WIDE, beside: int = 1
) -> np.ndarray:
    """Heatmaps by their titles, with one colour bar; in narrow form below one another, or two and two."""
    if axes is None:
        height = (3.3 if beside == 1 else 4.6) if is_narrow() else 0.7 + 0.88 * width / len(shown)
        axes = panels(len(shown), height, width, beside=beside)
    for ax, (title, array) in zip(axes, shown.items(), strict=True):
        similarity(array, title, ax)
    color_bar(axes[-1].images[0], axes, "CKA")
    return axes


def _name_model(name: str) -> str:
    """ "vit_small_layer" → "small ViT"; "" of an axis that names no model."""
    role = name.removesuffix("_layer")
    return "" if role == name else LABELS.get(role, role.replace("_", " "))
