"""Figures of patches that are told apart, and of what a pyramid's layers see. Each draws on axes, or new ones."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from seelike.figures.forms import in_both_forms, is_narrow, legend_above, panels, width_of
from seelike.figures.models import MODELS
from seelike.figures.palette import COLORS, FAINT, INK, MAP, PARTS, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

DESIGNS = ((COLORS["mixer"], "with attention across windows"), (PARTS[0], "without"))  # in the order of the arrays
ROWS = {"truth": "true", "vit": "ViT", "vit_gap": "ViT, GAP", "cnn": "CNN"}


@in_both_forms
def examples(
    pictures: Sequence[Image.Image], patches: Arrays, names: Sequence[str], axes: np.ndarray | None = None
) -> np.ndarray:
    """A row of drawings, and below it which object each patch shows, in truth and by the probe of each model.

    Args:
        pictures: as many as the arrays have images.
        patches: "truth" and roles → (images, rows, columns), 0 for ground, then a number for each object.
        names: of the objects.
    """
    shown = [name for name in ROWS if name in patches]
    if axes is None:
        size = width_of(4.4), 0.75 * (len(shown) + 1) + 0.5
        axes = plt.subplots(len(shown) + 1, len(pictures), figsize=size, squeeze=False)[1]
    for ax, picture in zip(axes[0], pictures, strict=True):
        ax.imshow(picture, interpolation="none")
    for row, name in zip(axes[1:], shown, strict=True):
        for ax, labels in zip(row, patches[name].values, strict=True):
            _paint_patches(ax, labels)
    for ax, label in zip(axes[:, 0], ["drawing", *(ROWS[name] for name in shown)], strict=True):
        ax.set_ylabel(label, fontsize=9)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_color(FAINT)
    handles = [Patch(color=color, label=name) for color, name in zip(SERIES, names, strict=True)]
    axes[0, 0].figure.legend(handles=handles, loc="outside upper center", ncols=3 if is_narrow() else 5, fontsize=8.5)
    return axes


def _paint_patches(ax: Axes, labels: np.ndarray) -> None:
    """A square for each patch that shows an object."""
    rows, columns = labels.shape
    for row, column in np.argwhere(labels > 0):
        ax.add_patch(Rectangle((column, row), 1, 1, color=SERIES[int(labels[row, column]) - 1], linewidth=0))
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")


@in_both_forms
def depth(measures: Measures, ax: Axes | None = None) -> Axes:
    """mIoU of probes by depth, a line a model, dashed with random weights; diamonds: four of its blocks together.

    Dotted: what raw patches give, and the answer that all is ground.
    """
    ax = ax or plt.subplots(figsize=(width_of(6.5), 3.6))[1]
    for role, (label, color) in MODELS.items():
        for kind, style, width in (("", "o-", 2), ("_random", "--", 1.2)):
            found = measures[f"miou{kind}"].get(role)
            if found is not None:
                places = np.linspace(0, 1, len(found.values))
                ax.plot(places, found.values, style, color=color, linewidth=width, ms=4, label="" if kind else label)
    for array in measures["miou_together"].values():
        ax.plot(1.04, array.values[0], "D", color=COLORS["vit"], label="ViT, four blocks together")
    answers = measures["miou_floor"]["patches"]
    for answer, value, side in zip(answers.axes["answer"], answers.values, ("left", "right"), strict=True):
        ax.axhline(value, color=INK, linestyle=":", linewidth=1)
        at = (float(side == "right"), value)
        ax.annotate(answer, at, xytext=(0, -4), textcoords="offset points", fontsize=8.5, ha=side, va="top")
    ax.plot([], [], "--", color=INK, linewidth=1.2, label="random weights")
    ax.set(xlabel="depth (0: first block, 1: last)", ylabel="mIoU of a linear probe", ylim=(0, None))
    legend_above([ax], 5)
    return ax


@in_both_forms
def fields(measures: Measures, layer: str, axes: np.ndarray | None = None) -> np.ndarray:
    """What the centre of a layer sees with and without attention across windows, and the radius of every layer's field.

    Brightness is the square root of the gradient, relative to the largest.

    Args:
        layer: whose fields are shown.
    """
    axes = panels(3, 2.7, ratios=(1, 1, 1.5)) if axes is None else axes
    designs = zip(measures["receptive_field"].items(), DESIGNS, strict=True)
    for ax, ((design, array), (color, label)) in zip(axes, designs, strict=False):
        ax.imshow(np.sqrt(_find(array, layer)), vmin=0, vmax=1, cmap=MAP, interpolation="none")
        ax.set_title(label, fontsize=9.5)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
        radii = measures["effective_radius"][design]
        axes[2].plot(range(1, 1 + len(radii.values)), radii.values, "o-", color=color, markersize=4, label=label)
    axes[2].axvline(1 + radii.axes["layer"].index(layer), color=INK, linestyle=":", linewidth=1)
    axes[2].set(xlabel="layer", ylabel="effective radius\n(1: uniform field)", ylim=(0, None))
    axes[2].legend(fontsize=8.5)
    return axes


def _find(array: LabelledArray, layer: str) -> np.ndarray:
    return array.values[array.axes["layer"].index(layer)]
