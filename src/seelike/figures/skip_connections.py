"""Figures of skip connections. Each function draws on `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, NullLocator

from seelike.figures.depths import mark_parts
from seelike.figures.forms import color_bar, in_both_forms, is_narrow, label_rows, legend_above, panels, width_of
from seelike.figures.heatmaps import draw_row
from seelike.figures.palette import COLORS, INK, MAP, PAPER, PARTS
from seelike.figures.style import LABELS
from seelike.results.accuracies import tell_accuracies
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

CLS = "CLS"  # among the tokens and kinds of a result
LINES = {("vit", CLS): ("ViT, CLS token", PARTS[0]), ("vit", "spatial"): ("ViT, spatial tokens", COLORS["vit"]),
         ("cnn", "spatial"): ("CNN, positions", COLORS["cnn"])}  # fmt: skip
RATIO = "norm ratio ‖z‖/‖f(z)‖, geometric mean"
ABLATIONS = {
    "vit": "intact",
    "vit_noskip_early": "no skips, early",
    "vit_noskip_middle": "no skips, middle",
    "vit_noskip_late": "no skips, late",
}


@in_both_forms
def token_ratios(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """The norm ratio of every ViT token, to the right, in every sublayer, upwards; CLS set apart by a gap."""
    ax = ax or plt.subplots(figsize=(width_of(7), 3.6))[1]
    values, has_cls = array.values, array.axes["token"][0] == CLS
    colors = LogNorm(np.nanmin(values), np.nanmax(values))
    rows, width = np.arange(len(values) + 1), max(2.0, 0.06 * values.shape[1])
    columns = np.arange(values.shape[1] - has_cls + 1)
    mesh = ax.pcolormesh(columns, rows, values[:, has_cls:], norm=colors, cmap=MAP, rasterized=True)
    if has_cls:
        edges = np.array([-1.5 * width, -0.5 * width])
        ax.pcolormesh(edges, rows, values[:, :1], norm=colors, cmap=MAP, rasterized=True)
    ax.set_xticks([*([-width] if has_cls else []), (values.shape[1] - has_cls) / 2],
                  [*([CLS] if has_cls else []), "spatial tokens, row by row"])  # fmt: skip
    ax.tick_params(axis="x", length=0)
    mark_parts(ax.yaxis, array.axes["sublayer"], LABELS["vit"])
    ax.spines[:].set_visible(False)
    bar = color_bar(mesh, [ax], "norm ratio", 1)
    axis = bar.xaxis if is_narrow() else bar.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())
    return ax


@in_both_forms
def ratio_depth(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Norm ratio by depth and token kind: left trained, right with random weights, on one logarithmic scale."""
    return _draw_pair(measures, "norm_ratio", RATIO, axes, log=True)


@in_both_forms
def cosine_depth(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Cosine of skip and branch by depth and token kind: left trained, right with random weights."""
    axes = _draw_pair(measures, "skip_cosine", "cosine of skip and branch", axes)
    for ax in axes:
        ax.axhline(0, color=INK, linewidth=0.8)
    return axes


@in_both_forms
def skip_ablation(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of all blocks, intact and after each skip ablation: the ablated block marked.

    The title gives the accuracy with its interval, where both are known.
    """
    accuracies = {role: f"\n{text}" for role, text in tell_accuracies(measures).items()}
    shown = {ABLATIONS[role] + accuracies.get(role, ""): array for role, array in measures["cka"].items()}
    axes = draw_row(shown, axes, beside=2)
    for ax in axes:
        ax.title.set_fontsize(9)
    label_rows(axes, axes[0].get_ylabel())
    return axes


def _draw_pair(measures: Measures, name: str, label: str, axes: np.ndarray | None, log: bool = False) -> np.ndarray:
    axes = panels(2, 3.3, sharey=True) if axes is None else axes
    for ax, kind, title in zip(axes, ("", "_random"), ("trained", "random weights"), strict=True):
        _draw_lines(measures[f"{name}{kind}"], measures[f"identity_skip{kind}"], ax, log)
        ax.set_title(title)
    label_rows(axes, label)
    legend_above(axes)
    return axes


def _draw_lines(arrays: Arrays, identity: Arrays, ax: Axes, log: bool = False) -> None:
    """One line for each model and kind of token, by relative depth; open points where the skip is no identity."""
    for (role, kind), (label, color) in LINES.items():
        kinds, same = arrays[role].axes["kind"], identity[role].values > 0
        if kind in kinds:
            values = arrays[role].values[:, kinds.index(kind)]
            depth, how = np.linspace(0, 1, len(values)), {"color": color, "markersize": 3.5}
            ax.plot(depth, values, "o-", markevery=same, label=label, **how)
            if not same.all():
                open_points = how | {"markersize": 6, "markerfacecolor": PAPER, "zorder": 3}
                ax.plot(depth[~same], values[~same], "o", label=f"{label}, no identity skip", **open_points)
            mlp = [layer.endswith(".mlp") for layer in arrays[role].axes["sublayer"]]
            ax.scatter(depth[mlp], values[mlp], s=22, marker="s", color=color)
    ax.scatter([], [], s=22, marker="s", color=INK, label="squares: MLP branches")
    ax.set_xlabel("depth (0: first sublayer, 1: last)")
    if log:
        ax.set_yscale("log")
        ax.axhline(1, color=INK, linewidth=0.8)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
