"""Figures that several chapters share, from results. Each function draws on `ax` (or a new one) and returns it."""

import os
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from seelike.figures.palette import CLAIMED, COLORS, INK, MAP, ON_MAP
from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.system.errors import InputError

STYLE = str(Path(__file__).with_name("seelike.mplstyle"))
OUTLINE = [withStroke(linewidth=2.2, foreground="#000000", alpha=0.5)]  # so that a line shows on bright cells too
PICTURES = (".png", ".svg", ".pdf")
LABELS = {"vit": "ViT", "vit_small": "small ViT", "cnn": "CNN", "mixer": "Mixer"}


def use_style() -> None:
    """Make the book's look the default of this process; a notebook shows its figures as SVG from here on."""
    plt.style.use(STYLE)
    if "inline" in matplotlib.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def save(figure: Figure, picture: Path) -> None:
    """Write a figure, whole or not at all. Raises InputError for a kind of file or a place that will not do."""
    if picture.suffix not in PICTURES or not picture.absolute().parent.is_dir():
        raise InputError(f"PICTURE must be a {', '.join(PICTURES)} in a folder that is there, not {str(picture)!r}")
    beside = picture.with_name(f".{os.getpid()}.{picture.name}")
    try:
        figure.savefig(beside, dpi=150, bbox_inches="tight")
        os.replace(beside, picture)
    except OSError as error:
        raise InputError(f"PICTURE {str(picture)!r} cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)


def similarity(entry: dict, title: str = "", ax: Axes | None = None) -> Axes:
    """Heatmap of CKA: the first axis of `entry` upwards, the second to the right, from input to output.

    All heatmaps of the book share the limits 0 and 1; the rare estimate below 0 is drawn as 0.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    down, across = entry["axes"]
    sns.heatmap(
        entry["values"], vmin=0, vmax=1, cmap=MAP, cbar=False, ax=ax, rasterized=True,
        xticklabels=False, yticklabels=False,
    )  # fmt: skip
    ax.invert_yaxis()
    for axis, labels, name in ((ax.yaxis, entry["axes"][down], down), (ax.xaxis, entry["axes"][across], across)):
        axis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_major_formatter("{x:.0f}")
        axis.set_label_text(_axis_label(name))
        axis.set_view_interval(0, len(labels), ignore=True)
    for end in entry.get("stage_ends", []):
        for draw in (ax.axhline, ax.axvline):
            draw(end, color=ON_MAP, linewidth=0.9, path_effects=OUTLINE)
    ax.set_box_aspect(1)
    ax.tick_params(left=True, bottom=True, length=3)
    ax.set_title(title)
    return ax


def uniformity(cka: dict, axes: np.ndarray | None = None) -> np.ndarray:
    """Three heatmaps in a row: ViT with itself, CNN with itself, and one against the other."""
    axes = plt.subplots(1, 3, figsize=(9, 3.2))[1] if axes is None else axes
    titles = {"vit": "ViT", "cnn": "CNN", "vit_cnn": "ViT against CNN"}
    for ax, (pair, title) in zip(axes, titles.items(), strict=True):
        similarity(cka[pair], title, ax)
    colors = axes[-1].collections[0]
    axes[-1].figure.colorbar(colors, ax=list(axes), label="CKA", shrink=0.75, pad=0.02)
    return axes


def effects(results: dict[str, Result], axes: np.ndarray | None = None) -> np.ndarray:
    """For each claim one panel: the effect of every scale with its interval, the control beside it in grey.

    The shaded side of the threshold is where the paper's claim says the effect lies.
    """
    claims = list(next(iter(results.values())).claims)
    if axes is None:
        axes = plt.subplots(len(claims), 1, figsize=(7.5, 0.7 + 1.15 * len(claims)), squeeze=False)[1][:, 0]
    rows = [f"{scale}{kind}" for scale in results for kind in ("", ", random weights")]
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


def _axis_label(name: str) -> str:
    """ "vit_layer" → "ViT layer, input → output"."""
    which = [LABELS[part] for part in name.split("_") if part in LABELS]
    return " ".join([*which, "layer, input → output"])
