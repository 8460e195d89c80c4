"""Figures of tokens of several scales. Each function draws on `ax` or `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from seelike.figures.forms import SMALL, in_both_forms, is_narrow, label_rows, legend_above, panels, width_of
from seelike.figures.palette import COLORS, INK, MAP, ON_MAP, PARTS, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray

HEIGHT = 0.3  # inches a row
FIRST = "DuoFormer"
CONTROLS = ("fine tokens of another patch", "noise as fine tokens", "untrained backbone")
BACKBONE = "backbone with a new head"
PATCHES = 7  # a side
TICKS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99)  # of accuracies by their log odds
SHOWN = (3, 3)  # the patch that is framed, its row and column


@in_both_forms
def accuracies(trainings: LabelledArray, intervals: LabelledArray, ax: Axes | None = None) -> Axes:
    """Test accuracy of every design, a row each: a dot a training, the mean with its interval, a line at the first.

    Args:
        trainings: (designs, trainings), NaN where there is no training.
        intervals: (designs, mean and bounds).
    """
    designs = trainings.axes["design"]
    ax = ax or plt.subplots(figsize=(width_of(6.5), 0.7 + HEIGHT * len(designs)))[1]
    for row, (design, values, (mean, low, high)) in enumerate(
        zip(designs, trainings.values, intervals.values, strict=True)
    ):
        color = _color(design)
        ax.plot([low, high], [row, row], color=color, linewidth=2)
        ax.plot(mean, row, "D", color=color, markersize=6)
        known = values[np.isfinite(values)]
        ax.plot(known, [row - 0.22] * len(known), "o", color=color, markersize=3, alpha=0.7)
    if FIRST in designs:
        ax.axvline(intervals.values[designs.index(FIRST), 0], color=INK, linestyle=":", linewidth=1)
    ax.set_yticks(range(len(designs)), designs)
    ax.invert_yaxis()
    ax.set_xscale("logit", nonpositive="clip")  # near 1 small differences count
    low, high = ax.get_xlim()
    ticks = TICKS[::2] if is_narrow() else TICKS
    ax.set_xticks([tick for tick in ticks if low <= tick <= high])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    words = ("accuracy on test drawings of digits,", "by its log odds")
    ax.set_xlabel(("\n" if is_narrow() else " ").join(words))
    return ax


@in_both_forms
def tokens(stages: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """A drawing cut into patches, and the stages that have tokens; framed is what one patch owns of each.

    Args:
        stages: "drawing" and then stages, the last one first → (rows, columns).
    """
    axes = panels(len(stages), 2.9, 2.6 * len(stages)) if axes is None else axes
    for ax, (name, array) in zip(axes, stages.items(), strict=True):
        side = len(array.values) // PATCHES
        drawing = name == "drawing"
        ax.imshow(array.values, cmap="gray" if drawing else MAP)
        for line in range(1, PATCHES):
            for draw in (ax.axhline, ax.axvline):
                draw(line * side - 0.5, color=INK if drawing else ON_MAP, linewidth=0.5, alpha=0.6)
        row, column = (place * side - 0.5 for place in SHOWN)
        ax.add_patch(Rectangle((column, row), side, side, fill=False, edgecolor=ON_MAP, linewidth=2.5))
        count = f"{side**2} token{'s' * (side > 1)}"
        ax.set_title(
            f"the drawing, {PATCHES} × {PATCHES} patches" if drawing else f"stage of {name}: {count}", fontsize=9
        )
        ax.set(xticks=[], yticks=[])
    return axes


@in_both_forms
def attention(found: LabelledArray, control: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """What scale tokens attend to, a panel a block: bars of heads' means, dots of heads; grey before training.

    Args:
        found: (blocks, heads, patches with ink and without, scales), with trained weights.
        control: the same before training.
    """
    blocks, _, kinds, scales = found.axes.values()
    axes = panels(len(blocks), 3.1, 3.75 * len(blocks), sharey=True) if axes is None else axes
    series = [
        (f"patches {kind}", found.values[:, :, n], color)
        for n, (kind, color) in enumerate(zip(kinds, PARTS, strict=False))
    ]
    series.append(("before training", control.values.mean(2), COLORS["random"]))
    width = 0.8 / len(series)
    for number, (ax, block) in enumerate(zip(axes, blocks, strict=True)):
        for place, (label, values, color) in enumerate(series):
            at = np.arange(len(scales)) + (place - (len(series) - 1) / 2) * width
            ax.bar(at, values[number].mean(0), 0.9 * width, color=color, alpha=0.5, label=label)
            for head in values[number]:
                ax.plot(at, head, "o", color=color, markersize=3)
        for place, share in enumerate(_spread_evenly(len(scales) - 1)):
            ax.hlines(share, place - 0.45, place + 0.45, color=INK, linestyle=":", linewidth=1.2)
        ax.set_xticks(range(len(scales)), [scale.replace(" token", "\ntoken") for scale in scales])
        ax.set_title(f"scale block {block}")
        ax.set_ylim(0, 1)
    label_rows(axes, "share of attention")
    legend_above(axes)
    return axes


def stages(found: LabelledArray, control: LabelledArray, ax: Axes | None = None) -> Axes:
    """Accuracy of probes by how many of a CNN's last stages they see; dashed with random weights."""
    ax = ax or plt.subplots(figsize=(SMALL, 2.8))[1]
    sizes = found.axes["last stages"]
    ax.plot(sizes, found.values, "o-", color=COLORS["cnn"], label="trained")
    ax.plot(sizes, control.values, "D--", color=COLORS["random"], label="random weights")
    ax.set_xticks(sizes)
    ax.set(xlabel="last stages that a probe sees", ylabel="accuracy", ylim=(0, 1))
    ax.legend()
    return ax


def _spread_evenly(n_scales: int) -> list[float]:
    """What attention to all tokens alike gives the scale token and each scale, of 1, 4, 16 … tokens."""
    sizes = [1, *(4**scale for scale in range(n_scales))]
    return [size / sum(sizes) for size in sizes]


def _color(design: str) -> str:
    if design in CONTROLS:
        return COLORS["random"]
    return {FIRST: COLORS["vit"], BACKBONE: COLORS["cnn"]}.get(design, SERIES[1])
