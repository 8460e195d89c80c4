"""Figures of convolutions as attention. Each function draws on `ax` or `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seelike.figures.forms import SMALL, in_both_forms, is_narrow, label_rows, legend_above, panels
from seelike.figures.palette import COLORS, INK, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

NEAR = {0: ("the own patch", COLORS["random"]), 1: ("a neighbour", COLORS["vit"])}  # patches away
FAR = ("farther away", COLORS["cnn"])


@in_both_forms
def errors(found: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Relative error over the sharpness of the softmax, a panel a patch size; dashed where heads look elsewhere.

    Args:
        found: "matched" and "misplaced" → (kernel sizes, patch sizes, sharpness).
    """
    sizes, patches, sharpness = found["matched"].axes.values()
    axes = panels(len(patches), 3.1, 3.75 * len(patches), sharey=True) if axes is None else axes
    for number, (ax, patch) in enumerate(zip(axes, patches, strict=True)):
        for name, style in (("matched", "o-"), ("misplaced", ":")):
            widths = np.linspace(5, 1.2, len(sizes))  # so that lines that coincide can be told
            lines = found[name].values[:, number]
            for color, width, size, line in zip(_colors(sizes), widths, sizes, lines, strict=True):
                label = f"{size}×{size}" if name == "matched" else None
                ax.plot(sharpness, line, style, color=color, markersize=width + 2, linewidth=width, label=label)
        ax.set_yscale("log")
        ax.set_title(f"patches of {patch}×{patch}")
        ax.set_xlabel("bias of each head at its offset")
    label_rows(axes, "relative error")
    axes[-1].legend(title="kernel")
    return axes


@in_both_forms
def fewer_heads(found: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The smallest error with fewer heads, a panel a kernel size: the closed form as a line, what heads learn as dots.

    Args:
        found: "closed_form" and "fitted" → (kernel sizes, heads).
    """
    sizes, heads = found["closed_form"].axes.values()
    axes = (
        panels(len(sizes), 3.5 if is_narrow() else 2.6, 2.2 * len(sizes), beside=2, sharey=True)
        if axes is None
        else axes
    )
    for ax, size, line, dots in zip(axes, sizes, found["closed_form"].values, found["fitted"].values, strict=True):
        ax.plot(heads, line, color=COLORS["vit"], drawstyle="steps-mid", linewidth=1.4, label="closed form")
        ax.plot(heads, dots, "o", color=COLORS["cnn"], markersize=4, label="learned")
        ax.set_title(f"{size}×{size}", fontsize=10)
        ax.set_xlabel("heads")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(0)
    label_rows(axes, "smallest\nrelative error")
    legend_above(axes)
    return axes


def heads_needed(counted: LabelledArray, ax: Axes | None = None) -> Axes:
    """Heads that the construction takes over the size of the kernel, a line a patch size; 1 are single pixels."""
    ax = ax or plt.subplots(figsize=(SMALL, 3))[1]
    sizes, patches = counted.axes.values()
    for color, patch, line in zip(SERIES, patches, counted.values.T, strict=False):
        ax.plot(sizes, line, "o-", color=color, label="pixels" if patch == 1 else f"patches of {patch}×{patch}")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xticks(sizes)
    ax.set_xlabel("side of the kernel, pixels")
    ax.set_ylabel("heads")
    ax.legend()
    return ax


@in_both_forms
def offset_heads(
    shares: Arrays, distances: Arrays, titles: dict[str, str], axes: np.ndarray | None = None
) -> np.ndarray:
    """Attention of every head to its best offset, by block, one panel per model; coloured by how far that leads.

    Args:
        shares: which model → its array of (blocks, heads).
        distances: the same of the patches that lie between.
        titles: which model → what the panel is called.
    """
    axes = panels(len(shares), 3.2, 3.75 * len(shares), sharey=True) if axes is None else axes
    for ax, (role, array) in zip(axes, shares.items(), strict=True):
        blocks, far = np.indices(array.values.shape)[0], distances[role].values
        for label, color, chosen in [(*NEAR[n], far == n) for n in NEAR] + [(*FAR, far > max(NEAR))]:
            ax.scatter(blocks[chosen], array.values[chosen], s=18, color=color, label=label)
        ax.axhline(array.uniform, color=INK, linestyle=":", linewidth=1)
        ax.axhline(1, color=INK, linewidth=1)
        ax.set_yscale("log")
        ax.set_ylim(array.uniform / 1.5, 1.4)
        ax.set_title(titles[role])
        ax.set_xlabel("block")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_rows(axes, "attention to the best offset")
    axes[0].annotate("a head of a convolution", (0, 1), xytext=(0, -10), textcoords="offset points", fontsize=8.5)
    axes[-1].legend(title="which is", loc="center right")
    return axes


@in_both_forms
def of_run(measures: Measures, titles: dict[str, str], axes: np.ndarray | None = None) -> np.ndarray:
    """What another run measured: `offset_heads`, and beside them `starts`, where its trainings are known."""
    shares, known = measures["offset_share"], measures.get("start_accuracy", {})
    axes = panels(len(shares) + len(known), 3.2, 3.75 * (len(shares) + len(known))) if axes is None else axes
    offset_heads(shares, measures["offset_distance"], titles, axes[: len(shares)])
    for ax in axes[: len(shares)]:
        ax.set_title(ax.get_title().replace(".", "\n."), fontsize=9)
    for ax, accuracy in zip(axes[len(shares) :], known.values(), strict=True):
        starts(accuracy, ax).set_title("accuracy by start")
    return axes


def starts(accuracy: LabelledArray, ax: Axes | None = None) -> Axes:
    """Accuracy over the share of the data, a line for each way to start.

    Args:
        accuracy: (percent of the data, starts).
    """
    ax = ax or plt.subplots(figsize=(SMALL, 2.8))[1]
    percent, names = accuracy.axes.values()
    looks = ((COLORS["random"], "o--"), (COLORS["vit"], "o-"), (COLORS["cnn"], "o:"))
    for name, line, (color, style) in zip(names, accuracy.values.T, looks, strict=True):
        ax.plot(range(len(percent)), line, style, color=color, label=name)
    ax.set_xticks(range(len(percent)), [f"{share} %" for share in percent])
    ax.set(xlabel="training images", ylabel="test accuracy")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))  # room for names above the lines
    ax.legend(title="start", loc="upper left")
    return ax


def _colors(sizes: list) -> list[str]:
    return [SERIES[number % len(SERIES)] for number in range(len(sizes))]
