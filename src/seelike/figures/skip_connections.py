"""Figures of skip connections. Each function draws on `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from seelike.figures.heatmaps import similarity
from seelike.figures.palette import COLORS, INK, MAP, SERIES
from seelike.results.accuracies import tell_accuracies
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

CLS = "CLS"  # among the tokens and kinds of a result
LINES = {("vit", CLS): ("ViT, CLS token", SERIES[2]), ("vit", "spatial"): ("ViT, spatial tokens", COLORS["vit"]),
         ("cnn", "spatial"): ("CNN, positions", COLORS["cnn"])}  # fmt: skip
RATIO = "norm ratio ‖z‖/‖f(z)‖, geometric mean"
ABLATIONS = {
    "vit": "intact",
    "vit_noskip_early": "no skips, early",
    "vit_noskip_middle": "no skips, middle",
    "vit_noskip_late": "no skips, late",
}


def token_ratios(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Left the norm ratio of every ViT token in every sublayer, CLS in a column of its own; right ViT and CNN by depth.

    Points are open where the skip is no identity.
    """
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=(1.25, 1), layout="constrained")[1]
    if "norm_ratio_tokens" in measures:
        _draw_tokens(measures["norm_ratio_tokens"]["vit"], axes[0])
    _draw_lines(measures["norm_ratio"], measures["identity_skip"], axes[1], log=True)
    axes[1].legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=8)
    axes[1].set_ylabel(RATIO)
    return axes


def ratio_depth(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Norm ratio by depth and token kind: left trained, right with random weights, on one logarithmic scale."""
    return _draw_pair(measures, "norm_ratio", RATIO, axes, log=True)


def cosine_depth(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Cosine of skip and branch by depth and token kind: left trained, right with random weights."""
    axes = _draw_pair(measures, "skip_cosine", "cosine of skip and branch", axes)
    for ax in axes:
        ax.axhline(0, color=INK, linewidth=0.8)
    return axes


def skip_ablation(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of all blocks, intact and after each skip ablation: the ablated block marked.

    The title gives the accuracy with its interval, where both are known.
    """
    cka = measures["cka"]
    if axes is None:
        axes = plt.subplots(1, len(cka), figsize=(2.25 * len(cka), 2.7), squeeze=False, layout="constrained")[1][0]
    accuracies = {role: f"\n{text}" for role, text in tell_accuracies(measures).items()}
    for ax, (role, array) in zip(axes, cka.items(), strict=True):
        similarity(array, ABLATIONS[role] + accuracies.get(role, ""), ax)
        ax.title.set_fontsize(9.5)
        ax.set_xlabel("block")
        ax.set_ylabel("block" if ax is axes[0] else "")
    axes[-1].figure.colorbar(axes[-1].collections[0], ax=list(axes), label="CKA", shrink=0.7, pad=0.02)
    return axes


def _draw_tokens(array: LabelledArray, ax: Axes) -> None:
    """Tokens to the right, CLS set apart by a gap; sublayers upwards."""
    values, has_cls = array.values, array.axes["token"][0] == CLS
    colors = LogNorm(np.nanmin(values), np.nanmax(values))
    mesh = ax.pcolormesh(np.arange(values.shape[1] - has_cls + 1), np.arange(len(values) + 1), values[:, has_cls:],
                         norm=colors, cmap=MAP, rasterized=True)  # fmt: skip
    width = max(2.0, 0.06 * values.shape[1])
    if has_cls:
        edges = np.array([-1.5 * width, -0.5 * width])
        ax.pcolormesh(edges, np.arange(len(values) + 1), values[:, :1], norm=colors, cmap=MAP, rasterized=True)
    ax.set_xticks([*([-width] if has_cls else []), (values.shape[1] - has_cls) / 2],
                  [*([CLS] if has_cls else []), "spatial tokens, row by row"])  # fmt: skip
    ax.tick_params(axis="x", length=0)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("sublayer, input → output")
    ax.spines[:].set_visible(False)
    ax.set_title("ViT, token by token")
    bar = ax.figure.colorbar(mesh, ax=ax, label="norm ratio", pad=0.02)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter("{x:g}")
    bar.ax.yaxis.set_minor_locator(NullLocator())


def _draw_pair(measures: Measures, name: str, label: str, axes: np.ndarray | None, log: bool = False) -> np.ndarray:
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")[1]
    for ax, kind, title in zip(axes, ("", "_random"), ("trained", "random weights"), strict=True):
        _draw_lines(measures[f"{name}{kind}"], measures[f"identity_skip{kind}"], ax, log)
        ax.set_title(title)
    axes[0].set_ylabel(label)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="outside upper center", fontsize=8)
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
                ax.plot(depth[~same], values[~same], "o", fillstyle="none", label=f"{label}, no identity skip", **how)
    ax.set_xlabel("depth (0: first sublayer, 1: last)")
    if log:
        ax.set_yscale("log")
        ax.axhline(1, color=INK, linewidth=0.8)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
