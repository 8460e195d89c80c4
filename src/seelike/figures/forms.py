"""Two forms of a figure, drawn by the same code: wide, for a page's column, and narrow, for a phone.

A drawing function asks for its `panels` or its `width_of`, and is decorated with `in_both_forms`: its figure can then
be drawn again in the other form. A notebook hands out both; the built book shows the narrow one on narrow screens. A
figure that is at most `SMALL` needs no other form: shrunk to a phone, its letters are still legible.
"""

import io
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

MIME = "image/vnd.seelike.narrow+svg"  # beside a figure in a notebook: its narrow form
WIDE, NARROW = 7.9, 3.6  # inches, 96 pixels each: of a page's column and of a phone's
SMALL = 4.8  # inches
_narrow = ContextVar("narrow", default=False)


def in_both_forms(draw: Callable) -> Callable:
    """Let the figure that a function makes be drawn again in narrow form; on given `ax` or `axes` it only draws."""

    @wraps(draw)
    def drawn(*args, **kwargs) -> Any:
        axes, given = draw(*args, **kwargs), signature(draw).bind(*args, **kwargs).arguments
        if np.size(axes) and given.get("ax") is None and given.get("axes") is None:
            np.ravel(axes)[0].figure.draw_again = lambda: draw(*args, **kwargs)
        return axes

    return drawn


def draw_narrow(figure: Figure) -> Figure | None:
    """The narrow form of a figure; None of one that has no other form, or needs none."""
    if not hasattr(figure, "draw_again") or figure.get_figwidth() <= SMALL:
        return None
    token = _narrow.set(True)
    try:
        return np.ravel(figure.draw_again())[0].figure
    finally:
        _narrow.reset(token)


def hand_out_narrow(figure: Figure) -> dict[str, str]:
    """The narrow form as SVG, for a notebook's output; nothing where there is none."""
    narrow, written = draw_narrow(figure), io.StringIO()
    if narrow is None:
        return {}
    narrow.savefig(written, format="svg", bbox_inches="tight")
    plt.close(narrow)
    return {MIME: written.getvalue()}


def is_narrow() -> bool:
    """Whether what is drawn now is for a phone."""
    return _narrow.get()


def width_of(wide: float = WIDE) -> float:
    """The width of a figure, in inches: at most that of its form."""
    return min(wide, NARROW if is_narrow() else WIDE)


def panels(
    count: int, height: float, width: float = WIDE, ratios: Sequence[float] | None = None, beside: int = 1, **more
) -> np.ndarray:
    """New panels of that height, side by side; in narrow form below one another, or `beside` each other."""
    if is_narrow():
        rows = -(-count // beside)
        axes = plt.subplots(rows, beside, figsize=(width_of(), rows * height / beside), squeeze=False, **more)[1]
        made = axes.ravel()
        for ax in made[count:]:
            ax.set_visible(False)
        return made[:count]
    grid = {"width_ratios": ratios} | more
    return plt.subplots(1, count, figsize=(width_of(width), height), squeeze=False, **grid)[1][0]


def grid(rows: int, columns: int, height: float, width: float = WIDE) -> np.ndarray:
    """New panels, (rows, columns), each row of that height; in narrow form rows stand where columns would."""
    if is_narrow():
        shape, size = (columns, rows), (width_of(), 1.3 * columns * width_of() / rows)
        return plt.subplots(*shape, figsize=size, squeeze=False)[1].T
    return plt.subplots(rows, columns, figsize=(width_of(width), rows * height), squeeze=False)[1]


def label_rows(axes: Sequence[Axes], label: str) -> None:
    """Name the vertical axis that `panels` share, at the first of each row."""
    for ax in axes:
        ax.set_ylabel(label if ax.get_subplotspec().is_first_col() else "")


def legend_above(axes: Sequence[Axes], columns: int = 4) -> None:
    """One legend for all panels, that of the first, above them: in at most so many columns, in narrow form two."""
    handles, labels = axes[0].get_legend_handles_labels()
    rows = -(-len(labels) // (min(columns, 2) if is_narrow() else columns))
    columns = -(-len(labels) // rows)
    axes[0].figure.legend(handles, labels, loc="outside upper center", ncols=columns, fontsize=8.5)


def color_bar(drawn: ScalarMappable, axes: Sequence[Axes], label: str, shrink: float = 0.75) -> Axes:
    """One colour bar for all panels: at the right, or above them in narrow form."""
    place = {"location": "top", "aspect": 30, "pad": 0.04} if is_narrow() else {"location": "right", "pad": 0.02}
    figure = np.ravel(axes)[0].figure
    return figure.colorbar(drawn, ax=list(np.ravel(axes)), label=label, shrink=shrink, **place).ax
