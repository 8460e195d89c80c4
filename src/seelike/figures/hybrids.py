"""Figures of systems between a ViT and a ResNet. Each function draws on axes (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from seelike.figures.forms import color_bar, grid, in_both_forms, is_narrow, legend_above, panels, width_of
from seelike.figures.heatmaps import similarity
from seelike.figures.palette import CLAIMED, COLORS, INK, PARTS
from seelike.figures.style import BEHIND, LABELS
from seelike.measures.between import LIKE_CNN, LIKE_VIT, SIDES
from seelike.results.labelled_array import Arrays, Measures
from seelike.tables.hybrids import NO_SCALE, NOT_MEASURED, TRAITS, find_sides, name_systems

ENDS = {role: LABELS[role] for role in ("vit", "cnn")}
BESIDE = 3  # panels
LOW, HIGH = SIDES[LIKE_CNN][0], SIDES[LIKE_VIT][1]  # of the scale
UPPER, LOWER = -0.14, 0.18  # in a row
KINDS = (("", "o", UPPER, 6), ("_random", "D", LOWER, 4))  # trained and untrained: marker, place in the row, size


def color_systems(roles: list[str]) -> dict[str, str]:
    """Role → its colour, in their order."""
    return {role: PARTS[number % len(PARTS)] for number, role in enumerate(roles)}


@in_both_forms
def places(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """A panel for each system: its place by every trait, from the CNN's, 0, to the ViT's, 1, with its interval.

    Diamonds: random weights. Shaded: like an end. Rings: other trainings of both ends. What lies outside is an arrow.
    """
    systems = list(measures["place"])
    names, colors = name_systems(systems), color_systems(systems)
    if axes is None:
        beside = 1 if is_narrow() else min(len(systems), BESIDE)
        rows, height = -(-len(systems) // beside), 0.55 + 0.36 * len(TRAITS)
        size = width_of(2.6 + 2.6 * beside), rows * height
        axes = plt.subplots(rows, beside, figsize=size, squeeze=False, sharey=True)[1].ravel()
    for ax, system in zip(axes, systems, strict=False):
        _shade(ax)
        _draw_system(ax, measures, system, colors[system])
        ax.set(xlim=(LOW, HIGH), ylim=(len(TRAITS) - 0.5, -0.5), title=names[system])
        ax.set_xticks((0, 1), [ENDS["cnn"], ENDS["vit"]])
        ax.set_yticks(range(len(TRAITS)), TRAITS.values())
        ax.tick_params(axis="y", length=0)
    for ax in axes[len(systems) :]:
        ax.set_visible(False)
    return axes


def _draw_system(ax: Axes, measures: Measures, system: str, color: str) -> None:
    """Its places, trained and untrained, why there is none, and the twins of both ends in the first row."""
    for random, marker, shift, size in KINDS:
        look = {"color": COLORS["random"] if random else color, "marker": marker, "markersize": size}
        for row, estimate in enumerate(measures[f"place{random}"][system].values):
            _draw_estimate(ax, row + shift, estimate, look)
    for row, side in enumerate(find_sides(measures, system).values()):
        if side in (NO_SCALE, NOT_MEASURED):
            ax.text(0.5, row + UPPER, side, ha="center", va="center", fontsize=8.5, color=INK, bbox=BEHIND)
    for role, array in measures.get("twin_place", {}).items():
        ax.plot(array.values[0], UPPER, "o", mfc="none", color=COLORS[role], markersize=6)


def _shade(ax: Axes) -> None:
    for side in (LIKE_CNN, LIKE_VIT):
        ax.axvspan(*SIDES[side], color=CLAIMED, alpha=0.1, linewidth=0)
    for end in (0, 1):
        ax.axvline(end, color=INK, linewidth=1)
    ax.axvline(0.5, color=INK, linewidth=0.8, linestyle=":")


def _draw_estimate(ax: Axes, row: float, estimate: np.ndarray, look: dict) -> None:
    """A place and its interval, as far as they lie on the scale; an arrow points to what lies beyond it."""
    place, low, high = estimate
    if np.isnan(place):
        return
    if not np.isnan(low):
        ax.plot(np.clip((low, high), LOW, HIGH), [row, row], color=look["color"], linewidth=2, solid_capstyle="butt")
    if LOW <= place <= HIGH:
        ax.plot(place, row, linestyle="none", **look)
    else:
        ax.plot(np.clip(place, LOW + 0.06, HIGH - 0.06), row, ">" if place > HIGH else "<", color=look["color"])


@in_both_forms
def similarities(cka: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Heatmaps, three a row, in narrow form two: both ends within themselves and with one another, then each system and
    with both ends."""
    systems = _list_systems(cka)
    names = name_systems(systems)
    shown = ENDS | {"vit_cnn": "ViT against CNN"}
    for system, name in names.items():
        shown |= {system: name} | {f"{system}_{end}": f"{name}\nagainst {label}" for end, label in ENDS.items()}
    if axes is None:
        axes = panels(len(shown), 4, beside=2) if is_narrow() else grid(1 + len(systems), 3, 2.95)
    for ax, (key, title) in zip(np.ravel(axes), shown.items(), strict=True):
        similarity(cka[key], title, ax)
        ax.title.set_fontsize(8 if is_narrow() else 9)
    color_bar(np.ravel(axes)[0].images[0], axes, "CKA", 0.5)
    return axes


def _list_systems(cka: Arrays) -> list[str]:
    return [role for role in cka if f"{role}_vit" in cka]


@in_both_forms
def depths(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """What three traits are made of, by depth, a line a model, dashed with random weights."""
    axes = panels(3, 2.7) if axes is None else axes
    shown = {
        "norm_ratio": "norm of skip over branch",
        "localization_score": "localization score",
        "probe_accuracy": "accuracy of probes",
    }
    systems = _list_systems(measures["cka"])
    labels = ENDS | name_systems(systems)
    colors = {role: COLORS[role] for role in ENDS} | color_systems(systems)
    for ax, (measure, title) in zip(axes, shown.items(), strict=True):
        for random, style, width in (("", "o-", 1.8), ("_random", "--", 1.1)):
            for role, array in measures.get(f"{measure}{random}", {}).items():
                values = np.ravel(array.values)
                look = {"color": colors[role], "linewidth": width, "markersize": 3.5}
                ax.plot(np.linspace(0, 1, len(values)), values, style, label="" if random else labels[role], **look)
        ax.set(xlabel="depth", title=title)
        ax.title.set_fontsize(9.5)
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    axes[1].plot([], [], "--", color=INK, linewidth=1.1, label="random weights")
    legend_above([axes[1]], 4)
    return axes


def name_pair(key: str) -> str:
    """What the heatmap of `similarities` under a key is called where nothing else is known of the figure."""
    if key in ENDS:
        return ENDS[key]
    system, _, end = key.rpartition("_")
    return f"{ENDS.get(system, system)} against {ENDS[end]}" if end in ENDS and system else key
