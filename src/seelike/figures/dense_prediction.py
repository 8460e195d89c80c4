"""Figures of patches and pixels that are told apart, and of what pyramids see. Each draws on axes, or new ones."""

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
from seelike.tables.dense_prediction import SCORES

DESIGNS = ((COLORS["mixer"], "with attention across windows"), (PARTS[0], "without"))  # in the order of the arrays
ROWS = {"truth": "true", "vit": "ViT", "vit_gap": "ViT, GAP", "cnn": "CNN"}
DESIGN_ROWS = {
    "truth": "true",
    "local and global": "local and\nglobal",
    "local alone": "local\nalone",
    "global alone": "global\nalone",
    "random windows": "random\nwindows",
    "plain ViT": "plain ViT",
}
DESIGN_COLORS = {
    "local and global": COLORS["mixer"],
    "local alone": PARTS[0],
    "global alone": PARTS[0],
    "random windows": COLORS["random"],
    "plain ViT": COLORS["vit"],
}


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
    return _draw_rows(pictures, patches, ROWS, names, _paint_patches, axes)


@in_both_forms
def pixels(
    pictures: Sequence[Image.Image], found: Arrays, names: Sequence[str], axes: np.ndarray | None = None
) -> np.ndarray:
    """The same of pixels, in truth and by each design that was trained to label them."""
    return _draw_rows(pictures, found, DESIGN_ROWS, names, _paint_pixels, axes)


def _draw_rows(pictures, found: Arrays, titles: dict[str, str], names: Sequence[str], paint, axes) -> np.ndarray:
    shown = [name for name in titles if name in found]
    if axes is None:
        size = width_of(4.4), 0.64 * (len(shown) + 1) + 0.5
        axes = plt.subplots(len(shown) + 1, len(pictures), figsize=size, squeeze=False)[1]
    for ax, picture in zip(axes[0], pictures, strict=True):
        ax.imshow(picture, interpolation="none")
    for row, name in zip(axes[1:], shown, strict=True):
        for ax, labels in zip(row, found[name].values, strict=True):
            paint(ax, labels)
            ax.set(xlim=(0, labels.shape[1]), ylim=(labels.shape[0], 0), aspect="equal")
    for ax, label in zip(axes[:, 0], ["drawing", *(titles[name] for name in shown)], strict=True):
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
    for row, column in np.argwhere(labels > 0):
        ax.add_patch(Rectangle((column, row), 1, 1, color=SERIES[int(labels[row, column]) - 1], linewidth=0))


def _paint_pixels(ax: Axes, labels: np.ndarray) -> None:
    """An area for each object, bounded halfway between the middles of its pixels and of others."""
    rows, columns = (0.5 + np.arange(-1, n + 1) for n in labels.shape)  # a frame of ground: areas end with the image
    framed = np.pad(labels, 1)
    for label in np.unique(labels[labels > 0]).astype(int):
        ax.contourf(columns, rows, framed == label, levels=(0.5, 1.5), colors=[SERIES[label - 1]])


@in_both_forms
def designs(found: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """Scores of every design, a panel for each kind of labels: a dot for each training, the line being their mean.

    Args:
        found: (kinds of labels, designs, trainings), NaN where there is no training.
    """
    kinds, names, trainings = found.axes.values()
    axes = panels(len(kinds), 0.9 + 0.3 * len(names), sharey=True) if axes is None else axes
    for ax, kind, of_designs in zip(axes, kinds, found.values, strict=True):
        for row, (values, name) in enumerate(zip(of_designs, names, strict=True)):
            ax.plot(values, [row] * len(trainings), "o", color=DESIGN_COLORS[name], markersize=5)
            ax.vlines(np.nanmean(values), row - 0.3, row + 0.3, color=INK, linewidth=1.2)
        ax.set(xlabel=SCORES[kind], xlim=(0, 1))
        ax.set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    return axes


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
    axes[2].legend(fontsize=8.5, loc="lower right")
    return axes


def _find(array: LabelledArray, layer: str) -> np.ndarray:
    return array.values[array.axes["layer"].index(layer)]
