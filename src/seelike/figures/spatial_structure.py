"""Figures of attention over positions. Each function draws on `ax` or `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from seelike.figures.forms import SMALL, color_bar, in_both_forms, is_narrow, panels
from seelike.figures.palette import COLORS, FAINT, INK, MAP, ON_MAP, PAPER, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray


def sets(scores: LabelledArray, ax: Axes | None = None) -> Axes:
    """The positions of an image on a grid, coloured by the set that each is of.

    Args:
        scores: an array whose positions stand in the order of the sets, its `boundaries` after each of them.
    """
    positions = scores.axes["position"]
    columns = next(n for n in range(int(np.ceil(len(positions) ** 0.5)), len(positions) + 1) if len(positions) % n == 0)
    ax = ax or plt.subplots(figsize=(2.6, 2.6))[1]
    for place, position in enumerate(positions):
        number = int(np.searchsorted(scores.boundaries, place, side="right"))
        row, column = divmod(position, columns)
        ax.add_patch(
            Rectangle((column, row), 1, 1, facecolor=SERIES[number % len(SERIES)], edgecolor=PAPER, linewidth=2)
        )
        ax.text(column + 0.5, row + 0.5, str(number + 1), ha="center", va="center", color=PAPER, fontsize=11)
    ax.set(xlim=(0, columns), ylim=(len(positions) // columns, 0), aspect="equal", title="the sets of one data set")
    ax.axis("off")
    return ax


@in_both_forms
def association(scores: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The grid of sets, then attention's scores with positions sorted by set, learned and from shuffled images.

    Args:
        scores: "learned" and "shuffled" → (positions, positions); the diagonal, which is held, is left blank.
    """
    if axes is None:
        axes = panels(3, 3.2 if is_narrow() else 2.7)
    sets(scores["learned"], axes[0])
    blank = {name: np.where(np.eye(len(each.values), dtype=bool), np.nan, each.values) for name, each in scores.items()}
    low, high = np.nanmin([*blank.values()]), np.nanmax([*blank.values()])
    for ax, (name, values) in zip(axes[1:], blank.items(), strict=True):
        drawn = ax.imshow(values, cmap=MAP, vmin=low, vmax=high)
        ax.set_facecolor(FAINT)
        for boundary in scores[name].boundaries[:-1]:
            ax.axhline(boundary - 0.5, color=ON_MAP, linewidth=0.8)
            ax.axvline(boundary - 0.5, color=ON_MAP, linewidth=0.8)
        ax.set(xticks=[], yticks=[], title=name if name == "learned" else "learned from shuffled images")
        ax.set_xlabel("positions, sorted by set")
    color_bar(drawn, axes[2:], "score", 0.8)
    return axes


def course(found: Arrays, aligned: LabelledArray, ax: Axes | None = None) -> Axes:
    """Association and alignment over the steps of training, means over data sets.

    Args:
        found: "learned" and "shuffled" → association − chance, the latter at the end alone.
        aligned: cosine of value vector and feature.
    """
    ax = ax or plt.subplots(figsize=(SMALL, 3))[1]
    ax.plot(
        found["learned"].axes["step"], found["learned"].values, "o-", color=COLORS["vit"], label="association − chance"
    )
    ax.plot(
        aligned.axes["step"], aligned.values, "s--", color=COLORS["cnn"], label="cosine of value vector and feature"
    )
    last = found["shuffled"]
    ax.plot(last.axes["step"], last.values, "D", color=COLORS["random"], label="association, from shuffled images")
    ax.axhline(0, color=INK, linewidth=1)
    ax.set(xlabel="step of gradient descent", ylabel="share, or cosine")
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", fontsize=8.5)
    return ax


def transfer(found: Arrays, ax: Axes | None = None) -> Axes:
    """Test error of the second task over the number of images that it is learned from."""
    ax = ax or plt.subplots(figsize=(SMALL, 2.8))[1]
    for (name, array), color, style in zip(
        found.items(), (COLORS["random"], COLORS["vit"]), ("o--", "o-"), strict=True
    ):
        ax.plot(array.axes["images"], array.values, style, color=color, label=name)
    ax.set_ylim(0, 1.3 * max(array.values.max() for array in found.values()))
    ax.set_xlabel("images of the second task")
    ax.set_ylabel("test error")
    ax.legend()
    return ax


@in_both_forms
def neighbours(
    similarity: LabelledArray, control: LabelledArray, shares: Arrays, axes: np.ndarray | None = None
) -> np.ndarray:
    """Similarity of the middle position with all others, trained and untrained, and the share over training.

    Args:
        similarity: (patches, patches), patches named "row, column"; `control` the same untrained.
        shares: "trained" and "untrained" → (percent of training,), the latter at the end alone.
    """
    if axes is None:
        axes = panels(3, 3 if is_narrow() else 2.6, ratios=(1, 1, 1.3))
    rows, columns = (int(last) + 1 for last in similarity.axes["patch"][-1].split(", "))
    middle = rows // 2 * columns + columns // 2
    for ax, array, title in zip(axes, (similarity, control), ("trained", "random weights"), strict=False):
        drawn = ax.imshow(array.values[middle].reshape(rows, columns), cmap=MAP, vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=[], title=title)
    color_bar(drawn, axes[1:2], "cosine", 0.8)
    percent, values = shares["trained"].axes["percent"], shares["trained"].values
    axes[2].plot(range(1, 1 + len(percent)), values, "o-", color=COLORS["vit"])
    axes[2].plot(0, shares["untrained"].values[-1], "D", color=COLORS["random"])
    axes[2].set_xticks(range(1 + len(percent)), ["0", *map(str, percent)])
    axes[2].axhline(0, color=INK, linewidth=1)
    axes[2].set(title="over training", xlabel="percent of training", ylabel="neighbours − chance")
    return axes


def kinds_of_attention(accuracy: LabelledArray, ax: Axes | None = None) -> Axes:
    """Test accuracy of ViTs by their kind of attention: a dot a training, the line being their mean.

    Args:
        accuracy: (kinds of attention, trainings).
    """
    ax = ax or plt.subplots(figsize=(SMALL, 2.8))[1]
    kinds, trainings = accuracy.axes.values()
    for place, values in enumerate(accuracy.values):
        ax.plot([place] * len(trainings), values, "o", color=COLORS["vit"], markersize=5)
        ax.hlines(values.mean(), place - 0.2, place + 0.2, color=INK, linewidth=1.2)
    ax.set_xticks(range(len(kinds)), kinds)
    ax.margins(y=0.2)
    ax.set(xlim=(-0.5, len(kinds) - 0.5), xlabel="attention", ylabel="test accuracy")
    return ax


@in_both_forms
def neighbours_of_all(shares: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The share of neighbours of every bundled ViT, a panel for each family of models: a dot for each training.

    Args:
        shares: family → (models, trainings), NaN where there is no such training.
    """
    most = max(len(each.axes["model"]) for each in shares.values())
    axes = panels(len(shares), 0.9 + 0.24 * most, sharex=True) if axes is None else axes
    for ax, (family, array) in zip(axes, shares.items(), strict=True):
        names = array.axes["model"]
        for row, values in enumerate(array.values):
            ax.plot(values, [row] * len(values), "o", color=COLORS["vit"], markersize=4)
        ax.set_yticks(range(len(names)), [name.replace(f".{family}", "") for name in names], fontsize=8)
        ax.invert_yaxis()
        ax.axvline(0, color=INK, linewidth=1)
        ax.set_title(family)
        ax.set_xlabel("neighbours − chance")
        ax.tick_params(labelbottom=True)
    return axes
