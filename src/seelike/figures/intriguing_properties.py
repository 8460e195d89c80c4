"""Figures of changed images, cue conflicts and the last attention. Each draws on `axes` (or new ones)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.forms import SMALL, in_both_forms, legend_above, panels, width_of
from seelike.figures.models import MODELS, finish, plot_by_model
from seelike.figures.palette import COLORS, CUES, INK
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

DECIDED = {"shape": CUES["outline"], "texture": CUES["texture"], "neither": COLORS["random"]}


@in_both_forms
def kept(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """The share of accuracy that each model keeps: by how many patches are dropped, which ones, and shuffled how."""
    axes = panels(3, 3.8, ratios=(1, 1.25, 1)) if axes is None else axes
    plot_by_model(axes[0], measures["kept_dropped"], first=(0, 1))
    _draw_places(axes[1], measures["kept_by_place"])
    plot_by_model(axes[2], measures["kept_shuffled"])
    finish(axes[0], "Patches dropped at random", "share of patches that is black", "share of accuracy kept")
    finish(axes[1], "Which patches are dropped")
    finish(axes[2], "Tiles shuffled", "tiles a side", "share of accuracy kept")
    tiles = next(iter(measures["kept_shuffled"].values())).axes["tiles a side"]
    axes[2].set_xticks(tiles)
    legend_above(axes)
    return axes


def _draw_places(ax: Axes, arrays: Arrays) -> None:
    """A dot for each model and kind of patches, kinds below one another."""
    shown = [role for role in MODELS if role in arrays]
    kinds = arrays[shown[0]].axes["dropped"]
    for row, role in enumerate(shown):
        places = np.arange(len(kinds)) + 0.16 * (row - (len(shown) - 1) / 2)
        ax.plot(arrays[role].values, places, "o", color=MODELS[role][1], markersize=5)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("share of accuracy kept")


@in_both_forms
def decisions(measures: Measures, ax: Axes | None = None) -> Axes:
    """How often each model decides for the shape, for the texture, and for neither, on cue conflicts; its shape bias.

    Args:
        measures: "decisions" and "shape_bias", and the same with "_random".
    """
    kinds = {"": "", "_random": ", untrained"}
    rows = [(role, kind) for role in MODELS for kind in kinds if role in measures[f"decisions{kind}"]]
    ax = ax or plt.subplots(figsize=(width_of(7), 0.7 + 0.42 * len(rows)))[1]
    for row, (role, kind) in enumerate(rows):
        array, start = measures[f"decisions{kind}"][role], 0.0
        for decided, share in zip(array.axes["decision"], array.values, strict=True):
            ax.barh(row, share, left=start, color=DECIDED[decided], height=0.7, label="_" if row else decided)
            start += share
    ax.set_yticks(range(len(rows)), [f"{MODELS[role][0]}{kinds[kind]}" for role, kind in rows])
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of cue conflicts")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    _write_right(ax, "shape bias", [measures[f"shape_bias{kind}"][role].values.item() for role, kind in rows])
    return ax


def _write_right(ax: Axes, label: str, numbers: list[float]) -> None:
    """A number at the right of each row."""
    right = ax.twinx()
    right.set_yticks(range(len(numbers)), [f"{number:.2f}" for number in numbers])
    right.set_ylim(ax.get_ylim())
    right.set_ylabel(label)
    right.tick_params(axis="y", length=0)
    right.spines[:].set_visible(False)


def segments(trained: LabelledArray, control: LabelledArray, ax: Axes | None = None) -> Axes:
    """The Jaccard index of every head's patches with the object; the line is that of the whole image."""
    ax = ax or plt.subplots(figsize=(SMALL, 3))[1]
    *heads, whole = trained.axes["chosen by"]
    places = np.arange(len(heads))
    for array, shift, color, label in (
        (trained, -0.2, COLORS["vit"], "trained"),
        (control, 0.2, COLORS["random"], "random weights"),
    ):
        ax.bar(places + shift, array.values[:-1], 0.4, color=color, label=label)
    ax.axhline(trained.values[-1], color=INK, linewidth=1, linestyle="--", label=whole)
    ax.set_xticks(places, heads)
    finish(ax, "", "", "Jaccard index with the object")
    ax.legend()
    return ax


def transfer(trained: LabelledArray, control: LabelledArray, ax: Axes | None = None) -> Axes:
    """Accuracy of probes for another task on the CLS tokens of so many last blocks side by side."""
    ax = ax or plt.subplots(figsize=(SMALL, 3))[1]
    for array, style, color, label in (
        (trained, "o-", COLORS["vit"], "trained"),
        (control, "--", COLORS["random"], "random weights"),
    ):
        ax.plot(array.axes["last blocks"], array.values, style, color=color, label=label)
    ax.set_xticks(trained.axes["last blocks"])
    ax.set_ylim(0, None)
    finish(ax, "", "last blocks that the probe sees together", "accuracy of probes")
    ax.legend()
    return ax


@in_both_forms
def learned_from(arrays: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """What changes if a model learns from outlines alone, a panel for each quantity; a line joins two trainings.

    Args:
        arrays: role → (learned from, compared, trainings), NaN where a model has no such quantity.
    """
    shown = [role for role in MODELS if role in arrays]
    kinds, compared, _ = arrays[shown[0]].axes.values()
    axes = panels(len(compared), 2.9) if axes is None else axes
    for number, (ax, quantity) in enumerate(zip(axes, compared, strict=True)):
        for role in shown:
            values = arrays[role].values[:, number]
            for training in range(values.shape[1]):
                label = "_" if number or training else MODELS[role][0]
                ax.plot(range(len(kinds)), values[:, training], "o-", color=MODELS[role][1], markersize=4, label=label)
        ax.set_xticks(range(len(kinds)), [kind.replace(" ", "\n") for kind in kinds])
        ax.set(xlim=(-0.4, len(kinds) - 0.6), ylim=(0, 1))
        finish(ax, quantity)
    legend_above(axes)
    return axes


def of_run(measures: Measures) -> np.ndarray | Axes:
    """What a published run has to show: decisions on cue conflicts if it has any, else what is kept of accuracy."""
    if "decisions" in measures:
        return decisions(measures)
    return kept(measures)
