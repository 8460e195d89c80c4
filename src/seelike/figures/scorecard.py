"""The scorecard at a glance. Draws on `ax` (or a new one) and returns it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Patch, Polygon, Rectangle

from seelike.figures.forms import in_both_forms, is_narrow, width_of
from seelike.figures.palette import FAINT, INK, ON_VERDICT, PALE_VERDICTS, PAPER, VERDICTS
from seelike.results.claims import OF_PAPER, Claim
from seelike.results.covers import covers_trainings
from seelike.results.multiplicity import find_marginal
from seelike.results.robustness import is_fragile
from seelike.results.scorecard import Found
from seelike.results.verdict_words import MARGINAL, MARKS

SIZE = (0.92, 0.84)
MOST_BESIDE = 36  # names of claims that have room side by side in wide form


@in_both_forms
def summary(found: Found, claims: Mapping[str, Claim] = OF_PAPER, ax: Axes | None = None) -> Axes:
    """One sign per claim and run, by verdict; the random-weights control of each run beside it, paler.

    Claims stand in groups, one for each letter: columns, or rows in narrow form. A square is of an interval that covers
    trainings, a disc of one that covers images alone; a corner is cut off a fragile verdict.
    """
    lines = [(scale, kind) for scale in found for kind in ("verdict", "control_verdict")]
    size = (width_of(), 1.6 + 0.25 * len(claims)) if is_narrow() else (width_of(), 0.4 + 0.34 * len(lines))
    ax = ax or plt.subplots(figsize=size)[1]
    letters = list(dict.fromkeys(key[0] for key in claims))
    ticks = {key: i + 0.6 * letters.index(key[0]) for i, key in enumerate(claims)}
    for row, (scale, kind) in enumerate(lines):
        marginal = find_marginal(found[scale]) if kind == "verdict" else ()
        for key, x in ticks.items():
            entry = found[scale].get(key)
            place = (row, x) if is_narrow() else (x, row)
            ax.add_patch(_shape(entry, kind, *place))
            on_paper = entry and entry[kind] == "not applicable"
            look = {"ha": "center", "va": "center", "color": INK if on_paper else ON_VERDICT}
            ax.text(*place, MARKS[entry[kind]] if entry else "", fontsize=10, **look)
            if key in marginal:
                ax.text(place[0] + 0.33, place[1] + 0.18, MARGINAL, fontsize=8, **look)
            if kind == "verdict" and entry and is_fragile(entry):
                ax.add_patch(_cut_corner(*place))
    _name_lines(ax, ticks, [scale if kind == "verdict" else "untrained" for scale, kind in lines])
    return ax


def _name_lines(ax: Axes, ticks: dict[str, float], lines: list[str]) -> None:
    """Names of claims and runs beside their signs, which fill the axes."""
    of_claims, of_runs = (ax.yaxis, ax.xaxis) if is_narrow() else (ax.xaxis, ax.yaxis)
    of_claims.set_ticks(list(ticks.values()), list(ticks), fontsize=8)
    of_runs.set_ticks(range(len(lines)), lines)
    last = max(ticks.values()) + 0.6, len(lines) - 0.4
    width, height = last[::-1] if is_narrow() else last
    ax.set(xlim=(-0.6, width), ylim=(height, -0.6))
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90 if is_narrow() or len(ticks) > MOST_BESIDE else 0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)


def _shape(entry: dict | None, kind: str, x: float, row: float) -> Patch:
    """The sign of one verdict; an empty outline where the claim was not measured."""
    if entry is None:
        return _square(x, row, facecolor="none", edgecolor=FAINT, linewidth=0.8)
    verdict, whole = entry[kind], covers_trainings(entry)
    paint = (VERDICTS if kind == "verdict" else PALE_VERDICTS)[verdict]
    if verdict == "not applicable":
        look = {"facecolor": "none", "edgecolor": INK, "linewidth": 0.5}
    else:
        look = {"facecolor": paint, "edgecolor": "none"}
    return _square(x, row, **look) if whole else Ellipse((x, row), *SIZE, **look)


def _cut_corner(x: float, row: float) -> Polygon:
    """What marks a fragile verdict: an open corner of its sign."""
    right, top = x + SIZE[0] / 2, row - SIZE[1] / 2
    return Polygon(
        [(right - 0.42, top), (right, top), (right, top + 0.38)], facecolor=PAPER, edgecolor=INK, linewidth=0.8
    )


def _square(x: float, row: float, **look) -> Rectangle:
    return Rectangle((x - SIZE[0] / 2, row - SIZE[1] / 2), *SIZE, **look)
