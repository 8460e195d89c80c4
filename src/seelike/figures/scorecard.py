"""The scorecard at a glance. Draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from seelike.figures.palette import FAINT, ON_VERDICT, PALE_VERDICTS, VERDICTS
from seelike.results.claims import CLAIMS
from seelike.results.scorecard import Found

SIGNS = {"holds": "✓", "fails": "✗", "open": "○", None: ""}


def summary(found: Found, ax: Axes | None = None) -> Axes:
    """One square a claim and run, by verdict; the random-weights control of each run below it, paler.

    Claims stand in groups, one for each letter.
    """
    lines = [(scale, kind) for scale in found for kind in ("verdict", "control_verdict")]
    ax = ax or plt.subplots(figsize=(9, 0.4 + 0.38 * len(lines)))[1]
    letters = list(dict.fromkeys(key[0] for key in CLAIMS))
    ticks = {key: i + 0.6 * letters.index(key[0]) for i, key in enumerate(CLAIMS)}
    for row, (scale, kind) in enumerate(lines):
        for key, x in ticks.items():
            verdict = found[scale].get(key, {}).get(kind)
            paint = (VERDICTS if kind == "verdict" else PALE_VERDICTS).get(verdict, "none")
            edge = "none" if verdict else FAINT
            square = plt.Rectangle((x - 0.46, row - 0.42), 0.92, 0.84, facecolor=paint, edgecolor=edge, linewidth=0.8)
            ax.add_patch(square)
            ax.text(x, row, SIGNS[verdict], ha="center", va="center", fontsize=11, color=ON_VERDICT)
    ax.set_xlim(-0.6, max(ticks.values()) + 0.6)
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.set_xticks(list(ticks.values()), list(ticks), fontsize=9)
    ax.set_yticks(range(len(lines)), [scale if kind == "verdict" else "its random weights" for scale, kind in lines])
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    return ax
