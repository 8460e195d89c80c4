"""The figure of a chapter's claims. It draws on `axes` (or new ones) and returns them."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.forms import in_both_forms, is_narrow, width_of
from seelike.figures.palette import CLAIMED, COLORS, INK
from seelike.figures.style import BEHIND
from seelike.results.claims import NOT_APPLICABLE, PARTS, Part
from seelike.results.covers import covers_trainings
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.scorecard import find_marginal_of
from seelike.results.verdict_words import FRAGILE, MARGINAL, MARKS

LETTERS = 11.5  # of a title, to an inch
# How an interval looks by whether it covers trainings: a solid bar, or a thin dashed line.
LOOKS = {True: {"linewidth": 3, "solid_capstyle": "butt"}, False: {"linewidth": 1.2, "linestyle": (0, (3, 1.5))}}


@in_both_forms
def effects(results: dict[str, Result], axes: np.ndarray | None = None) -> np.ndarray:
    """For each part of a claim one panel: the effect of every run with its interval, the control below it in grey.

    The line is the reference, and the shaded side is where an effect deserves the claim's sentence. A solid bar is an
    interval that covers trainings, a dashed line one that covers images alone; the mark at the right is the verdict,
    with † and ◇ beside it where that of the whole claim is marginal and fragile, and below it, smaller, the control's,
    if it has one. Nothing is drawn where the first run has no claims.
    """
    parts = [part for entry in next(iter(results.values())).claims.values() for part in entry["parts"]]
    if not parts:
        return np.array([])
    titles = {
        id: textwrap.fill(f"{id}: {PARTS[id].effect} ({PARTS[id].units})", int(LETTERS * width_of())) for id in parts
    }
    if axes is None:
        heights = [
            0.5 + 0.16 * title.count("\n") + (0.55 if is_narrow() else 0.36) * len(results) for title in titles.values()
        ]
        grid = {"height_ratios": heights}
        axes = plt.subplots(len(parts), 1, figsize=(width_of(), sum(heights)), squeeze=False, gridspec_kw=grid)[1][:, 0]
    marginal = {name: find_marginal_of(result) for name, result in results.items()}
    for ax, id in zip(axes, parts, strict=True):
        for row, (name, result) in enumerate(results.items()):
            _draw_run(ax, row, result, PARTS[id], marginal[name])
            if is_narrow():
                place = {"transform": ax.get_yaxis_transform(), "bbox": BEHIND}
                ax.text(0.01, row - 0.32, name, va="center", color=INK, fontsize=9, **place)
        _shade_claimed_side(ax, PARTS[id])
        ax.locator_params(axis="x", nbins=5 if is_narrow() else "auto")
        ax.set_yticks([] if is_narrow() else range(len(results)), [] if is_narrow() else results)
        ax.set_ylim(len(results) - 0.4, -0.6)
        ax.set_title(titles[id], loc="left", fontsize=9.5)
        ax.tick_params(axis="y", length=0)
    return axes


def _draw_run(ax: Axes, row: int, result: Result, part: Part, marginal: set[str]) -> None:
    """The effect of one run and, below it, the control, each with its verdict's mark."""
    claim = next((id for id, entry in result.claims.items() if part.id in entry["parts"]), "")
    entry = result.claims.get(claim)
    if entry is None:
        _write(ax, row, "not measured")
        return
    above, below = (row + shift for shift in ((0, 0.25) if is_narrow() else (-0.17, 0.17)))
    look, found = LOOKS[covers_trainings(entry)], entry["parts"][part.id]
    _draw_interval(ax, above, found["effect"], found["interval"], "o", {"color": COLORS["vit"], **look})
    shade = {"color": COLORS["random"], **look}
    _draw_interval(ax, below, found["control"], found["control_interval"], "D", shade)
    marks = f"{MARKS[found['verdict']]} {found['verdict']}{'' if found['effect'] is not None else ', not defined'}"
    doubts = f"{MARGINAL if claim in marginal else ''}{FRAGILE if is_fragile(entry) else ''}"
    marks += f" {doubts}" if doubts else ""
    _write(ax, row - 0.17, marks)
    if found["control_verdict"] != NOT_APPLICABLE:
        mark = MARKS[found["control_verdict"]] + ("" if is_narrow() else " untrained")
        ax.text(1.01, below, mark, va="center", color=INK, fontsize=8, transform=ax.get_yaxis_transform())


def _write(ax: Axes, row: float, text: str) -> None:
    """A verdict, to the right of its row; in narrow form above it, beside the name of the run."""
    x, y, side = (1, round(row) - 0.32, "right") if is_narrow() else (1.01, row, "left")
    place = {"transform": ax.get_yaxis_transform()} | ({"bbox": BEHIND} if is_narrow() else {})
    ax.text(x, y, text, ha=side, va="center", color=INK, fontsize=9, **place)


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
    ax.axvspan(start, end, color=CLAIMED, alpha=0.2, linewidth=0)
    ax.axvline(part.reference, color=INK, linewidth=1)
    ax.set_xlim(low, high)
