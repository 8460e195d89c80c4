"""Figures of what data does to a model. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seelike.figures.forms import SMALL, WIDE, in_both_forms, label_rows, panels, width_of
from seelike.figures.models import MODELS
from seelike.figures.palette import COLORS, INK, PARTS, SHADES
from seelike.results.labelled_array import Arrays, LabelledArray, Measures
from seelike.results.shares import rows_of

TASK_COLORS = {"near": PARTS[1], "far": PARTS[3]}
OTHER_SEEDS = SHADES[100]  # as all data, dashed
MARKERS = {3: "v", 10: "s", 30: "D", 100: "o"}  # by share of the data


@in_both_forms
def similarity(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA with the full-data model: one ViT by share of the data and block; all models at 3 %, by depth.

    Dashed: full-data models of other seeds; grey: the same before training.
    """
    axes = panels(2, 3.4, sharey=True) if axes is None else axes
    trained, control = (measures[f"data_scale_cka{kind}"] for kind in ("", "_random"))
    if "vit" in trained:
        for percent, values in rows_of(trained["vit"]):
            axes[0].plot(
                values, f"{MARKERS[percent]}-", color=SHADES[percent], markersize=4, label=f"{percent} % of the data"
            )
        axes[0].plot(control["vit"].values.mean(0), color=COLORS["random"], label="same seed, untrained")
    _draw_twins(axes[0], trained, OTHER_SEEDS, "all data, other seeds")
    _draw_twins(axes[0], control, COLORS["random"], "other seeds, untrained")
    for role, (label, color) in MODELS.items():
        for percent, values in rows_of(trained.get(role)):
            if percent == 3:
                axes[1].plot(_depth(values), values, "o-", color=color, markersize=4, label=label)
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylim(0, 1.05)
    _finish(axes[0], "ViT by share of the data", "block")
    _finish(axes[1], "3 % of the data", "depth (0: first block, 1: last)")
    label_rows(axes, "CKA with the full-data model")
    return axes


@in_both_forms
def probes(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Accuracy of probes by depth: a ViT by share of the data, if there are several; ViTs and CNN; another task.

    All from pooled tokens; among ViTs and CNN also the ViT's CLS token, dash-dotted. Dotted there: 3 % of the data.
    Grey: before training, the CNN dashed.
    """
    several = len(rows_of(measures["probe_accuracy"]["vit"])) > 1
    shares = {"ViT by share of the data": "probe_accuracy"} if several else {}
    other = {"ViT on another task": "transfer_accuracy"} if "transfer_accuracy" in measures else {}
    shown = shares | {"ViT and CNN": ""} | other
    axes = panels(len(shown), 3.4, WIDE if len(shown) > 1 else SMALL, sharey=True) if axes is None else axes
    for ax, (title, measure) in zip(axes, shown.items(), strict=True):
        if measure:
            _draw_shares(ax, measures, measure)
        else:
            _draw_models(ax, measures)
        _finish(ax, title, "depth (0: first block, 1: last)")
    label_rows(axes, "accuracy of probes")
    return axes


@in_both_forms
def fine_tuning(measures: Measures, ax: Axes | None = None) -> Axes:
    """CKA of each block before and after fine-tuning on a near and a far task; dashed: of models of other seeds."""
    ax = ax or plt.subplots(figsize=(width_of(7.5), 3.2))[1]
    tuned = measures["tuning_cka"]["vit"]
    for task, values in zip(tuned.axes["task"], tuned.values, strict=True):
        ax.plot(values, "o-", color=TASK_COLORS[task], markersize=4, label=f"{task} task")
    _draw_twins(ax, measures["data_scale_cka"], OTHER_SEEDS, "trained anew, other seeds")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(0, 1.05)
    _finish(ax, "", "block", "CKA before and after")
    return ax


@in_both_forms
def local_heads(measures: Measures, ax: Axes | None = None) -> Axes:
    """Attention distance of the most local head of the first two blocks by share of the training data."""
    ax = ax or plt.subplots(figsize=(width_of(7.5), 3))[1]
    for kind, color, marker, label in (
        ("", COLORS["vit"], "o", "trained"),
        ("_random", COLORS["random"], "D", "random weights"),
    ):
        array = measures[f"local_head_distance{kind}"]["vit"]
        distance, low, high = array.values.T
        ticks = np.arange(len(distance))
        ax.errorbar(ticks, distance, (distance - low, high - distance), fmt=marker, color=color, capsize=3, label=label)
    ax.axhline(1, color=INK, linestyle=":", linewidth=1)
    ax.set_ylim(0, max(1.15, ax.get_ylim()[1]))
    ax.annotate("uniform attention", (0, 1), xytext=(0, 8), textcoords="offset points", fontsize=8.5)
    ax.set_xticks(ticks, [f"{percent} %" for percent in array.axes["percent"]])
    _finish(ax, "", "share of the training data", "distance of the most local head\n(1: uniform attention)")
    return ax


def _depth(values: np.ndarray) -> np.ndarray:
    return np.linspace(0, 1, len(values))


def _draw_shares(ax: Axes, measures: Measures, measure: str) -> None:
    for percent, values in rows_of(measures[measure]["vit"]):
        ax.plot(
            _depth(values), values, f"{MARKERS[percent]}-", color=SHADES[percent], markersize=4, label=f"{percent} %"
        )
    _draw_untrained(ax, measures[f"{measure}_random"]["vit"], "-")


def _draw_models(ax: Axes, measures: Measures) -> None:
    for role, array in measures["probe_accuracy"].items():
        label, color = MODELS[role]
        for percent, values in rows_of(array):
            if percent in (3, 100):
                style, name = (":", "_") if percent == 3 else ("-", label)
                ax.plot(_depth(values), values, style, color=color, label=name)
    for percent, values in rows_of(measures.get("cls_probe_accuracy", {}).get("vit")):
        if percent == 100:
            ax.plot(_depth(values), values, "-.", color=COLORS["vit"], label="ViT, CLS token")
    _draw_untrained(ax, measures["probe_accuracy_random"]["vit"], "-")
    _draw_untrained(ax, measures["probe_accuracy_random"]["cnn"], "--", "_")


def _draw_twins(ax: Axes, cka: Arrays, color: str, label: str) -> None:
    """Full-data models of other seeds, one dashed line each."""
    for i, values in enumerate(cka["vit_seeds"].values if "vit_seeds" in cka else ()):
        ax.plot(values, "--", color=color, linewidth=1.3, label="_" if i else label)


def _draw_untrained(ax: Axes, array: LabelledArray, style: str, label: str = "untrained") -> None:
    values = array.values[-1]
    ax.plot(_depth(values), values, style, color=COLORS["random"], label=label)


def _finish(ax: Axes, title: str, x: str, y: str = "") -> None:
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
