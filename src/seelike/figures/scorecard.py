"""The scorecard at a glance. Draws on `ax` (or a new one) and returns it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Patch, Polygon, Rectangle

from seelike.figures.palette import FAINT, INK, ON_VERDICT, PALE_VERDICTS, PAPER, VERDICTS
from seelike.results.claims import OF_PAPER, Claim
from seelike.results.covers import covers_trainings
from seelike.results.multiplicity import find_marginal
from seelike.results.robustness import is_fragile
from seelike.results.scorecard import Found
from seelike.results.verdict_words import MARGINAL, MARKS

SIZE = (0.92, 0.84)


def summary(found: Found, claims: Mapping[str, Claim] = OF_PAPER, ax: Axes | None = None) -> Axes:
    """One sign a claim and run, by verdict; the random-weights control of each run below it, paler.

    A square is of an interval that covers trainings, a disc of one that covers images alone; a corner is cut off a
    fragile verdict. Claims stand in groups,
    one for each letter.
    """
    lines = [(scale, kind) for scale in found for kind in ("verdict", "control_verdict")]
    ax = ax or plt.subplots(figsize=(9, 0.4 + 0.38 * len(lines)))[1]
    letters = list(dict.fromkeys(key[0] for key in claims))
    ticks = {key: i + 0.6 * letters.index(key[0]) for i, key in enumerate(claims)}
    for row, (scale, kind) in enumerate(lines):
        marginal = find_marginal(found[scale]) if kind == "verdict" else ()
        for key, x in ticks.items():
            entry = found[scale].get(key)
            ax.add_patch(_shape(entry, kind, x, row))
            sign = f"{MARKS[entry[kind]]}{MARGINAL if key in marginal else ''}" if entry else ""
            ax.text(x, row, sign, ha="center", va="center", fontsize=11 if len(sign) < 2 else 8, color=ON_VERDICT)
            if kind == "verdict" and entry and is_fragile(entry):
                ax.add_patch(_cut_corner(x, row))
    ax.set_xlim(-0.6, max(ticks.values()) + 0.6)
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.set_xticks(list(ticks.values()), list(ticks), fontsize=9)
    ax.set_yticks(range(len(lines)), [scale if kind == "verdict" else "its random weights" for scale, kind in lines])
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    return ax


def _shape(entry: dict | None, kind: str, x: float, row: float) -> Patch:
    """The sign of one verdict; an empty outline where the claim was not measured."""
    if entry is None:
        return _square(x, row, facecolor="none", edgecolor=FAINT, linewidth=0.8)
    verdict, whole = entry[kind], covers_trainings(entry)
    paint = (VERDICTS if kind == "verdict" else PALE_VERDICTS)[verdict]
    look = {"facecolor": paint, "edgecolor": INK if verdict == "not applicable" else "none", "linewidth": 0.5}
    return _square(x, row, **look) if whole else Ellipse((x, row), *SIZE, **look)


def _cut_corner(x: float, row: float) -> Polygon:
    """What marks a fragile verdict: an open corner of its sign."""
    right, top = x + SIZE[0] / 2, row - SIZE[1] / 2
    return Polygon(
        [(right - 0.42, top), (right, top), (right, top + 0.38)], facecolor=PAPER, edgecolor=INK, linewidth=0.8
    )


def _square(x: float, row: float, **look) -> Rectangle:
    return Rectangle((x - SIZE[0] / 2, row - SIZE[1] / 2), *SIZE, **look)
