"""Figures of clusters found without labels. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.forms import in_both_forms, width_of
from seelike.figures.palette import COLORS, INK, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray

HEIGHT = 0.34  # inches a row
UNTRAINED = ("untrained", "pixels", "colours")  # ways to find clusters


@in_both_forms
def scores(found: LabelledArray, ax: Axes | None = None, score: str = "NMI") -> Axes:
    """A score of every training, a row for each way to find clusters; the bar is the mean over trainings.

    Args:
        found: (ways to find clusters, scores, trainings), NaN where there is no training.
    """
    kinds, names, _ = found.axes.values()
    ax = ax or plt.subplots(figsize=(width_of(6.5), 0.7 + HEIGHT * len(kinds)))[1]
    of_trainings = found.values[:, names.index(score)]
    for row, (kind, values) in enumerate(zip(kinds, of_trainings, strict=True)):
        known = values[np.isfinite(values)]
        color = COLORS["random"] if kind in UNTRAINED else COLORS["cnn" if kind == "ResNet" else "vit"]
        ax.barh(row, known.mean(), height=0.62, color=color, alpha=0.35)
        ax.plot(known, [row] * len(known), "o", color=color, markersize=5)
    ax.set_yticks(range(len(kinds)), kinds)
    ax.invert_yaxis()
    ax.set(xlabel=f"{score} of clusters and digits", xlim=(0, 1))
    return ax


@in_both_forms
def cues(found: LabelledArray, titles: dict[str, str], ax: Axes | None = None) -> Axes:
    """What clusters tell of each cue, three bars a row.

    Args:
        found: (ways to find clusters, cues).
        titles: role → what the model is called, of rows that are roles.
    """
    kinds, names = found.axes.values()
    ax = ax or plt.subplots(figsize=(width_of(6.5), 0.8 + 1.7 * HEIGHT * len(kinds)))[1]
    height = 0.8 / len(names)
    rows = [f"{titles[kind]}, with labels" if kind in titles else kind for kind in kinds]
    for number, (name, color) in enumerate(zip(names, (SERIES[0], SERIES[2], SERIES[4]), strict=True)):
        places = np.arange(len(kinds)) + (number - (len(names) - 1) / 2) * height
        ax.barh(places, found.values[:, number], height=0.9 * height, color=color, label=name)
    ax.set_yticks(range(len(kinds)), rows)
    ax.invert_yaxis()
    ax.set_xlabel("NMI of clusters and cue")
    ax.legend(fontsize=8)
    return ax


@in_both_forms
def depth(found: Arrays, control: Arrays, titles: dict[str, str], ax: Axes | None = None) -> Axes:
    """What k-means clusters of pooled tokens tell of the classes by depth, a line a model; dashed with random weights.

    Args:
        found: role → (blocks,).
        control: the same with random weights.
        titles: role → what the model is called.
    """
    ax = ax or plt.subplots(figsize=(width_of(5.5), 3))[1]
    for role, array in found.items():
        for line, style, label in (
            (array, "o-", titles[role]),
            (control[role], "--", f"{titles[role]}, random weights"),
        ):
            places = np.linspace(0, 1, len(line.values))
            ax.plot(places, line.values, style, color=COLORS[role], markersize=4, label=label)
    ax.set(xlabel="depth of the block, first to last", ylabel="NMI of clusters and classes")
    ax.set_ylim(0)
    ax.legend(fontsize=8)
    return ax


@in_both_forms
def gradients(found: Arrays, ax: Axes | None = None) -> Axes:
    """The norm of the gradient over the steps of training: the median as a line, shaded up to the 90th percentile.

    Args:
        found: which stem → (windows of steps, percentiles).
    """
    ax = ax or plt.subplots(figsize=(width_of(5.5), 3))[1]
    for (name, array), color in zip(found.items(), (COLORS["vit"], SERIES[2]), strict=True):
        middle, high = array.values.T
        ax.plot(array.axes["step"], middle, color=color, label=name)
        ax.fill_between(array.axes["step"], middle, high, color=color, alpha=0.25, linewidth=0)
    ax.axvline(array.axes["step"][-1] / 2, color=INK, linestyle=":", linewidth=1)
    ax.set_yscale("log")
    ax.set(xlabel="step", ylabel="norm of the gradient")
    ax.legend(fontsize=8)
    return ax
