"""Figures of single features, token answers and filtered images. Each draws on `axes` (or new ones)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from seelike.figures.forms import SMALL, color_bar, in_both_forms, is_narrow, label_rows, legend_above, panels, width_of
from seelike.figures.models import MODELS, finish, plot_by_model
from seelike.figures.palette import COLORS, CUES, INK, MAP
from seelike.results.labelled_array import Arrays, LabelledArray


@in_both_forms
def most_activating(
    array: LabelledArray,
    images: Sequence[tuple[Image.Image, int]],
    maps: LabelledArray | None = None,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """A row of pictures for each feature, those that make it most active, the most activating first; on a phone half.

    Args:
        images: all that were measured, pictures with their labels.
        maps: where each feature is active in the first of its pictures, (features, rows, columns); shown before it.
    """
    features, ranks = array.axes.values()
    ranks = ranks[: -(-len(ranks) // 2)] if is_narrow() else ranks
    columns = len(ranks) + (maps is not None)
    if axes is None:
        size = (width_of(0.8 * columns + 1.4), (0.6 if is_narrow() else 0.8) * len(features))
        axes = plt.subplots(len(features), columns, figsize=size)[1]
    for number, (row, feature) in enumerate(zip(axes, features, strict=True)):
        if maps is not None:
            _show(row[0], maps.values[number], cmap=MAP)
        for ax, chosen in zip(row[columns - len(ranks) :], array.values[number].astype(int), strict=False):
            _show(ax, images[chosen][0])
        row[0].set_ylabel(feature, fontsize=8.5, rotation=0, ha="right", va="center")
    return axes


def _show(ax: Axes, picture: Image.Image | np.ndarray, **colors) -> None:
    ax.imshow(picture, interpolation="none", **colors)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


@in_both_forms
def maximized(labels: Sequence[str], pictures: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    """The picture of each feature, four in a row; in narrow form two.

    Args:
        pictures: (features, 3, height, width), from 0 to 1.
    """
    columns = 2 if is_narrow() else 4
    rows = -(-len(labels) // columns)
    size = (width_of(6.4), 1.9 * rows)
    axes = plt.subplots(rows, columns, figsize=size, squeeze=False)[1] if axes is None else axes
    for ax, label, picture in zip(axes.flat, labels, pictures, strict=True):
        _show(ax, np.moveaxis(picture, 0, -1))
        ax.set_title(label, fontsize=8.5)
    return axes


@in_both_forms
def purity(trained: LabelledArray, control: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """Purity of features by block and cue, a panel for each kind of layer; dashed: with random weights."""
    kinds, blocks, cues = trained.axes.values()
    axes = panels(len(kinds), 3.1, sharey=True) if axes is None else axes
    for panel, (ax, kind) in enumerate(zip(axes, kinds, strict=True)):
        for index, cue in enumerate(cues):
            color = CUES.get(cue, INK)
            ax.plot(range(len(blocks)), trained.values[panel, :, index], "o-", color=color, markersize=4, label=cue)
            ax.plot(range(len(blocks)), control.values[panel, :, index], "--", color=color, linewidth=1.2)
        finish(ax, kind, "block")
    axes[0].plot([], [], "--", color=INK, linewidth=1.2, label="random weights")
    label_rows(axes, "purity, mean over features")
    legend_above(axes)
    return axes


@in_both_forms
def tokens(accuracy: Arrays, intact: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """How often the model's own classifier is right about the patch token at each position, a map for each ViT."""
    shown = [role for role in MODELS if role in accuracy]
    axes = panels(len(shown), 3.2, 3.4 * len(shown) + 0.8) if axes is None else axes
    for ax, role in zip(axes, shown, strict=True):
        _show(ax, accuracy[role].values, vmin=0, vmax=1, cmap=MAP)
        finish(
            ax, f"{MODELS[role][0]}\nmean {accuracy[role].values.mean():.2f}, own answer {intact[role].values[0]:.2f}"
        )
    color_bar(axes[0].images[0], axes, "accuracy", 0.8)
    return axes


def isolated(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """The share of accuracy that is kept if CLS attends to the patches in the last so many blocks alone."""
    ax = ax or plt.subplots(figsize=(SMALL, 3.1))[1]
    (left,) = array.axes.values()
    ax.plot([*left, len(left)], [*array.values, 1], "o-", color=COLORS["vit"], markersize=4)
    ax.axhline(0, color=INK, linewidth=0.8)
    finish(ax, "", "last blocks in which CLS attends to the patches", "share of accuracy kept")
    ax.set_xticks([*left, len(left)])
    return ax


def filtered(arrays: Arrays, ax: Axes | None = None) -> Axes:
    """The share of accuracy that each model keeps on images without what varies faster than the cut-off."""
    ax = ax or plt.subplots(figsize=(SMALL, 3.1))[1]
    plot_by_model(ax, arrays)
    finish(ax, "", "cut-off (1: a period of two pixels)", "share of accuracy kept")
    ax.legend()
    return ax


@in_both_forms
def parts(arrays: Arrays, ax: Axes | None = None) -> Axes:
    """The share of accuracy that each model keeps with a part of the drawing alone: a dot a training.

    Args:
        arrays: role → (trainings, what is shown).
    """
    shown = [role for role in MODELS if role in arrays]
    kinds = arrays[shown[0]].axes["shown"]
    ax = ax or plt.subplots(figsize=(width_of(6.5), 0.8 + 0.5 * len(kinds)))[1]
    for row, role in enumerate(shown):
        places = np.arange(len(kinds)) + 0.2 * (row - (len(shown) - 1) / 2)
        name, color = MODELS[role]
        for number, values in enumerate(arrays[role].values):
            ax.plot(values, places, "o", color=color, markersize=5, label="_" if number else name)
    for value in (0, 1):
        ax.axvline(value, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    finish(ax, "", "share of accuracy kept")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
