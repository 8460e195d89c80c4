"""The figure of a chapter's claims. It draws on `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.palette import CLAIMED, COLORS, INK
from seelike.results.claims import CLAIMS
from seelike.results.results import Result


def effects(results: dict[str, Result], axes: np.ndarray | None = None) -> np.ndarray:
    """For each claim one panel: the effect of every run with its interval, the control beside it in grey.

    The shaded side of the threshold is where the paper's claim says the effect lies.
    """
    claims = list(next(iter(results.values())).claims)
    rows = [f"{run}{kind}" for run in results for kind in ("", ", random weights")]
    if axes is None:
        height = 0.7 + (0.35 + 0.2 * len(rows)) * len(claims)
        axes = plt.subplots(len(claims), 1, figsize=(7.5, height), squeeze=False)[1][:, 0]
    for ax, claim in zip(axes, claims, strict=True):
        for row, (result, kind) in enumerate((r, k) for r in results.values() for k in ("", "control")):
            _draw_interval(ax, row, result.claims.get(claim), kind)
        _shade_claimed_side(ax, CLAIMS[claim])
        ax.set_yticks(range(len(rows)), rows)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_title(f"{claim}: {CLAIMS[claim].effect}", loc="left", fontsize=9.5, wrap=True)
        ax.tick_params(axis="y", length=0)
    return axes


def _draw_interval(ax: Axes, row: int, claim: dict | None, kind: str) -> None:
    if claim is None:
        ax.text(0.5, row, "not measured", va="center", ha="center", color=INK, transform=ax.get_yaxis_transform())
        return
    effect, (low, high) = (claim[kind or "effect"], claim["control_interval" if kind else "interval"])
    color = COLORS["random"] if kind else COLORS["vit"]
    if effect is None:
        ax.text(0.5, row, "not defined", va="center", ha="center", color=color, transform=ax.get_yaxis_transform())
        return
    if low is not None:
        ax.plot([low, high], [row, row], color=color, linewidth=2.5, solid_capstyle="round")
    ax.plot(effect, row, "o" if not kind else "D", color=color, markersize=6 if not kind else 5)


def _shade_claimed_side(ax: Axes, claim) -> None:
    low, high = ax.get_xlim()
    pad = 0.08 * (max(high, claim.threshold) - min(low, claim.threshold))
    low, high = min(low, claim.threshold) - pad, max(high, claim.threshold) + pad
    start, end = (claim.threshold, high) if claim.above else (low, claim.threshold)
    ax.axvspan(start, end, color=CLAIMED, alpha=0.1, linewidth=0)
    ax.axvline(claim.threshold, color=INK, linewidth=1)
    ax.set_xlim(low, high)
