"""Figures of convolutions as attention. Each function draws on `ax` or `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seelike.figures.palette import COLORS, INK, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray

NEAR = {0: ("the own patch", COLORS["random"]), 1: ("a neighbour", COLORS["vit"])}  # patches away
FAR = ("farther away", COLORS["cnn"])


def errors(found: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Relative error over the sharpness of the softmax, a panel a patch size; dashed where heads look elsewhere.

    Args:
        found: "matched" and "misplaced" → (kernel sizes, patch sizes, sharpness).
    """
    sizes, patches, sharpness = found["matched"].axes.values()
    if axes is None:
        width = 3.75 * len(patches)
        axes = plt.subplots(1, len(patches), figsize=(width, 3.2), sharey=True, squeeze=False)[1][0]
    for number, (ax, patch) in enumerate(zip(axes, patches, strict=True)):
        for name, style in (("matched", "o-"), ("misplaced", ":")):
            for color, size, line in zip(_colors(sizes), sizes, found[name].values[:, number], strict=True):
                label = f"{size}×{size}" if name == "matched" else None
                ax.plot(sharpness, line, style, color=color, markersize=3.5, linewidth=1.4, label=label)
        ax.set_yscale("log")
        ax.set_title(f"patches of {patch}×{patch}")
        ax.set_xlabel("bias of each head at its offset")
    axes[0].set_ylabel("relative error")
    axes[-1].legend(title="kernel", fontsize=8, title_fontsize=8)
    return axes


def fewer_heads(found: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The smallest error with fewer heads, a panel a kernel size: the closed form as a line, what heads learn as dots.

    Args:
        found: "closed_form" and "fitted" → (kernel sizes, heads).
    """
    sizes, heads = found["closed_form"].axes.values()
    if axes is None:
        axes = plt.subplots(1, len(sizes), figsize=(2.2 * len(sizes), 2.6), sharey=True, squeeze=False)[1][0]
    for ax, size, line, dots in zip(axes, sizes, found["closed_form"].values, found["fitted"].values, strict=True):
        ax.plot(heads, line, color=COLORS["vit"], drawstyle="steps-mid", linewidth=1.4, label="closed form")
        ax.plot(heads, dots, "o", color=COLORS["cnn"], markersize=4, label="learned")
        ax.set_title(f"{size}×{size}", fontsize=10)
        ax.set_xlabel("heads")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(0)
    axes[0].set_ylabel("smallest relative error")
    axes[-1].legend(fontsize=8)
    return axes


def heads_needed(counted: LabelledArray, ax: Axes | None = None) -> Axes:
    """Heads that the construction takes over the size of the kernel, a line a patch size; 1 are single pixels."""
    ax = ax or plt.subplots(figsize=(5.5, 3))[1]
    sizes, patches = counted.axes.values()
    for color, patch, line in zip(SERIES, patches, counted.values.T, strict=False):
        ax.plot(sizes, line, "o-", color=color, label="pixels" if patch == 1 else f"patches of {patch}×{patch}")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xticks(sizes)
    ax.set_xlabel("side of the kernel, pixels")
    ax.set_ylabel("heads")
    ax.legend(fontsize=8)
    return ax


def offset_heads(
    shares: Arrays, distances: Arrays, titles: dict[str, str], axes: np.ndarray | None = None
) -> np.ndarray:
    """Attention of every head to its best offset, by block, one panel per model; coloured by how far that leads.

    Args:
        shares: which model → its array of (blocks, heads).
        distances: the same of the patches that lie between.
        titles: which model → what the panel is called.
    """
    if axes is None:
        axes = plt.subplots(1, len(shares), figsize=(3.75 * len(shares), 3.2), sharey=True, squeeze=False)[1][0]
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
    axes[0].set_ylabel("attention to the best offset")
    axes[0].annotate("a head of a convolution", (0, 1), xytext=(0, -10), textcoords="offset points", fontsize=8)
    axes[-1].legend(fontsize=8, title="which is", title_fontsize=8, loc="center right")
    return axes


def starts(accuracy: LabelledArray, ax: Axes | None = None) -> Axes:
    """Accuracy over the share of the data, a line for each way to start.

    Args:
        accuracy: (percent of the data, starts).
    """
    ax = ax or plt.subplots(figsize=(5, 2.8))[1]
    percent, names = accuracy.axes.values()
    looks = ((COLORS["random"], "o--"), (COLORS["vit"], "o-"), (COLORS["cnn"], "o:"))
    for name, line, (color, style) in zip(names, accuracy.values.T, looks, strict=True):
        ax.plot(range(len(percent)), line, style, color=color, label=name)
    ax.set_xticks(range(len(percent)), [f"{share} %" for share in percent])
    ax.set(xlabel="training images", ylabel="test accuracy")
    ax.legend(title="start", fontsize=8, title_fontsize=8)
    return ax


def _colors(sizes: list) -> list[str]:
    return [SERIES[number % len(SERIES)] for number in range(len(sizes))]
