"""The figure of a chapter's claims. It draws on `axes` (or new ones) and returns them."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.palette import CLAIMED, COLORS, INK
from seelike.results.claims import PARTS, Part
from seelike.results.covers import covers_trainings
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.verdict_words import FRAGILE, MARKS

WIDTH = 92  # of a title, in letters
# How an interval looks by whether it covers trainings: a solid bar, or a thin dashed line.
LOOKS = {True: {"linewidth": 3, "solid_capstyle": "butt"}, False: {"linewidth": 1.2, "linestyle": (0, (3, 1.5))}}


def effects(results: dict[str, Result], axes: np.ndarray | None = None) -> np.ndarray:
    """For each part of a claim one panel: the effect of every run with its interval, the control below it in grey.

    The line is the reference, and the shaded side is where an effect deserves the claim's sentence. A solid bar is an
    interval that covers trainings, a dashed line one that covers images alone; the mark at the right is the verdict,
    with ◇ beside it where that of the whole claim is fragile. Nothing is drawn where the first run has no claims.
    """
    parts = [part for entry in next(iter(results.values())).claims.values() for part in entry["parts"]]
    if not parts:
        return np.array([])
    titles = {id: textwrap.fill(f"{id}: {PARTS[id].effect} ({PARTS[id].units})", WIDTH) for id in parts}
    if axes is None:
        heights = [0.5 + 0.16 * title.count("\n") + 0.36 * len(results) for title in titles.values()]
        grid = {"height_ratios": heights}
        axes = plt.subplots(len(parts), 1, figsize=(7.5, sum(heights)), squeeze=False, gridspec_kw=grid)[1][:, 0]
    for ax, id in zip(axes, parts, strict=True):
        for row, result in enumerate(results.values()):
            _draw_run(ax, row, result, PARTS[id])
        _shade_claimed_side(ax, PARTS[id])
        ax.set_yticks(range(len(results)), results)
        ax.set_ylim(len(results) - 0.4, -0.6)
        ax.set_title(titles[id], loc="left", fontsize=9.5)
        ax.tick_params(axis="y", length=0)
    return axes


def _draw_run(ax: Axes, row: int, result: Result, part: Part) -> None:
    """The effect of one run and, below it, the control, each with its verdict's mark."""
    entry = next((entry for entry in result.claims.values() if part.id in entry["parts"]), None)
    if entry is None:
        ax.text(1.01, row, "not measured", va="center", color=INK, fontsize=9, transform=ax.get_yaxis_transform())
        return
    look, found = LOOKS[covers_trainings(entry)], entry["parts"][part.id]
    _draw_interval(ax, row - 0.17, found["effect"], found["interval"], "o", {"color": COLORS["vit"], **look})
    shade = {"color": COLORS["random"], **look}
    _draw_interval(ax, row + 0.17, found["control"], found["control_interval"], "D", shade)
    marks = f"{MARKS[found['verdict']]} {found['verdict']}{'' if found['effect'] is not None else ', not defined'}"
    marks += f" {FRAGILE}" if is_fragile(entry) else ""
    ax.text(1.01, row - 0.17, marks, va="center", color=INK, fontsize=9, transform=ax.get_yaxis_transform())
    mark = MARKS[found["control_verdict"]]
    ax.text(1.01, row + 0.17, mark, va="center", color=shade["color"], fontsize=8, transform=ax.get_yaxis_transform())


def _draw_interval(ax: Axes, row: float, effect: float | None, interval: list, marker: str, look: dict) -> None:
    if effect is None:
        return
    if interval[0] is not None:
        ax.plot(interval, [row, row], **look)
    ax.plot(effect, row, marker, color=look["color"], markersize=5.5 if marker == "o" else 4)


def _shade_claimed_side(ax: Axes, part: Part) -> None:
    """The reference as a line, and the side beyond the smallest effect that deserves the sentence."""
    low, high = ax.get_xlim()
    low, high = min(low, part.smallest, part.reference), max(high, part.smallest, part.reference)
    pad = 0.08 * (high - low)
    low, high = low - pad, high + pad
    start, end = (part.smallest, high) if part.above else (low, part.smallest)
    ax.axvspan(start, end, color=CLAIMED, alpha=0.12, linewidth=0)
    ax.axvline(part.reference, color=INK, linewidth=1)
    ax.set_xlim(low, high)
