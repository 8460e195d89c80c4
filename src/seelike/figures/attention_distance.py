"""Figures of attention and receptive fields. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seelike.figures.depths import name_parts
from seelike.figures.forms import color_bar, in_both_forms, is_narrow, label_rows, panels, width_of
from seelike.figures.palette import COLORS, INK, MAP, PARTS
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

# What is shown of a ViT's blocks: both branches and the sums that they are added to; a block returns the second sum.
SUBLAYERS = {
    "attention branch": PARTS[1],
    "residual sum": COLORS["vit"],
    "MLP branch": PARTS[2],
    "block": COLORS["vit_gap"],
}


@in_both_forms
def head_distances(
    trained: Arrays, control: Arrays, titles: dict[str, str], axes: np.ndarray | None = None
) -> np.ndarray:
    """Mean attention distance of every head by block, one panel per model; the same with random weights in grey.

    Distances are in units of the uniform distance.

    Args:
        trained: which model → its array of (blocks, heads), pixels.
        control: the same with random weights.
        titles: which model → what the panel is called.
    """
    axes = panels(len(trained), 3.2, 3.95 * len(trained), sharey=True) if axes is None else axes
    for ax, (role, array) in zip(axes, trained.items(), strict=True):
        for shift, color, found in ((-0.15, COLORS["vit"], array), (0.15, COLORS["random"], control[role])):
            blocks, heads = found.values.shape
            shares = found.values.flatten() / found.uniform
            ax.scatter(np.repeat(np.arange(blocks), heads) + shift, shares, s=16, color=color)
        ax.axhline(1, color=INK, linestyle=":", linewidth=1)
        ax.set_ylim(0, max(1.15, ax.get_ylim()[1]))
        ax.set_title(titles[role])
        ax.set_xlabel("block")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_rows(axes, "mean attention distance\n(1: uniform attention)")
    axes[0].annotate("uniform attention", (0, 1), xytext=(0, 8), textcoords="offset points", fontsize=8.5)
    axes[-1].scatter([], [], s=16, color=COLORS["vit"], label="trained")
    axes[-1].scatter([], [], s=16, color=COLORS["random"], label="random weights")
    axes[-1].legend(loc="lower right")
    return axes


@in_both_forms
def head_similarity(measures: Measures, ax: Axes | None = None) -> Axes:
    """CKA of single heads of the lowest blocks with low CNN layers over their attention distance, in every training."""
    ax = ax or plt.subplots(figsize=(width_of(7.5), 3.2))[1]
    for kind, color, marker, label in (
        ("_random", COLORS["random"], "D", "random weights"),
        ("", COLORS["vit"], "o", "trained"),
    ):
        distance, cka = measures[f"head_distance{kind}"]["vit"], measures[f"head_cka{kind}"]["vit_cnn"].values.mean(-1)
        shares = distance.values / distance.uniform
        ax.plot(shares.flatten(), cka.flatten(), marker, color=color, markersize=4, linestyle="", label=label)
    ax.axvline(1, color=INK, linestyle=":", linewidth=1)
    ax.set_xlabel("mean attention distance of the head (1: uniform attention)")
    ax.set_ylabel("CKA with low CNN layers")
    ax.margins(y=0.1)
    ax.set_xlim(0, max(1.1, ax.get_xlim()[1]))
    ax.set_ylim(0)
    ax.legend()
    return ax


@in_both_forms
def receptive_fields(trained: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """Effective receptive fields from low to high layers: a ViT's attention branches and sums, a CNN's blocks.

    Below each row the same layers with random weights. Brightness is the square root of the gradient, relative to the
    largest of the layer.
    """
    rows = _rows_of_fields(trained, control, 4 if is_narrow() else 8)
    n = max(len(chosen) for *_, chosen in rows)
    if axes is None:
        height = 0.9 if is_narrow() else 1.02
        axes = plt.subplots(len(rows), n, figsize=(width_of(), height * len(rows) + 0.2), squeeze=False)[1]
    for row, (label, role, array, chosen) in zip(axes, rows, strict=True):
        for ax in row:
            ax.set_axis_off()
        for ax, index in zip(row, chosen, strict=False):
            ax.set_axis_on()
            ax.imshow(np.sqrt(array.values[index]), vmin=0, vmax=1, cmap=MAP, interpolation="none")
            if array is not control.get(role):
                ax.set_title(_name_layer(array, index), fontsize=8, fontweight="normal")
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(label, fontsize=8)
    color_bar(axes[0, 0].images[0], axes, "√(gradient / largest of the layer)", 0.5)
    return axes


@in_both_forms
def receptive_depth(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Effective radius by depth, ViT and CNN; own patch's share before and after both residual sums, by block.

    Open circles are the first blocks of the CNN's stages.
    """
    axes = panels(2, 3.3) if axes is None else axes
    for kind, style in (("", "-"), ("_random", "--")):
        random = ", random weights" if kind else ""
        for role in ("vit", "cnn"):
            _draw_radii(axes[0], measures[f"effective_radius{kind}"][role], role, style, random)
        array = measures[f"own_share{kind}"]["vit"]
        for part, color in SUBLAYERS.items():
            axes[1].plot(array.values[_find_layers(array, part)], style, color=color, label="" if kind else part)
    axes[1].plot([], [], "--", color=INK, label="random weights")
    axes[0].set(title="effective radius", xlabel="depth (0: first block, 1: last)", ylabel="radius (1: uniform field)")
    axes[1].set(title="share on the own patch", xlabel="block")
    axes[1].set_ylabel("share of the field")
    axes[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    for ax in axes:
        ax.set_ylim(0)
        ax.legend()
    return axes


def _draw_radii(ax: Axes, array: LabelledArray, role: str, style: str, random: str) -> None:
    """The radii of a model's blocks by depth."""
    blocks = _find_layers(array, "block")
    depths, values = np.linspace(0, 1, len(blocks)), array.values[blocks]
    ax.plot(depths, values, style, color=COLORS[role], label=LABELS[role] + random)
    first = [i for i, block in enumerate(blocks) if array.axes["layer"][block].endswith(".0")]
    if role == "cnn":
        ax.plot(depths[first], values[first], "o", color=COLORS[role], markerfacecolor="none", markersize=5)


def _find_layers(array: LabelledArray, part: str) -> list[int]:
    """Where the layers of one kind stand: "attention branch", "residual sum", "MLP branch" or "block"."""
    ends = {".attn": "attention branch", ":input": "residual sum", ".mlp": "MLP branch"}
    kinds = [
        next((kind for end, kind in ends.items() if layer.endswith(end)), "block") for layer in array.axes["layer"]
    ]
    return [index for index, kind in enumerate(kinds) if kind == part]


def _rows_of_fields(trained: Arrays, control: Arrays, n: int) -> list[tuple[str, str, LabelledArray, list[int]]]:
    """Of each row its label, the model, its array and the layers, at most `n`, evenly spread from the lowest on."""
    rows = []
    for label, role, part in (
        ("ViT, attention\nbranch", "vit", "attention branch"),
        ("ViT, residual\nsum", "vit", "residual sum"),
        ("CNN, block", "cnn", "block"),
    ):
        found = _find_layers(trained[role], part)
        chosen = np.unique(np.linspace(0, len(found) - 1, min(n, len(found))).round().astype(int)) if found else []
        layers = [found[i] for i in chosen]
        own = [(label, role, trained[role], layers), ("random\nweights", role, control[role], layers)]
        rows += own if layers else []
    return rows


def _name_layer(array: LabelledArray, index: int) -> str:
    layers = array.axes["layer"]
    return name_parts(layers)[index] or layers[index].removesuffix(".norm2:input")
