"""Figures of tokens, patches and probes, from result arrays. Each draws on `axes` (or new ones) and returns them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageOps

from seelike.figures.depths import name_parts
from seelike.figures.forms import color_bar, in_both_forms, is_narrow, label_rows, legend_above, panels, width_of
from seelike.figures.models import MODELS as ALL
from seelike.figures.palette import COLORS, INK, MAP, ON_MAP, PARTS
from seelike.results.labelled_array import Arrays, LabelledArray, Measures

MODELS = ALL | {"vit": ("ViT, CLS", COLORS["vit"])}
KINDS = {"CLS": PARTS[0], "pooled": INK, "single": PARTS[1], "side by side": PARTS[3]}
WHOLE = (0, 1, 1, 0)  # of a panel
Rows = dict[str, tuple[LabelledArray, int]]  # label → an array of token–patch CKA, and which of its layers
TOKENS = ("corner token", "edge token", "interior token")


@in_both_forms
def models(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of three tokens of the last block with all patches, one row per model, then the ViT with random weights.

    Its maps and those of `blocks` share their limits.
    """
    return _draw_maps(_choose_models(cka, control), _find_most(cka, control), axes)


@in_both_forms
def blocks(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """The same of the ViT, one row per block."""
    return _draw_maps(_choose_blocks(cka), _find_most(cka, control), axes)


def _choose_models(cka: Arrays, control: Arrays) -> Rows:
    shown: Rows = {label: (cka[role], -1) for role, (label, _) in MODELS.items() if role in cka}
    return shown | {"ViT,\nrandom weights": (control["vit"], -1)}


def _choose_blocks(cka: Arrays) -> Rows:
    layers = cka["vit"].axes["layer"]
    names = [part or layer for part, layer in zip(name_parts(layers), layers, strict=True)]
    return {name: (cka["vit"], index) for index, name in enumerate(names)}


def _find_most(cka: Arrays, control: Arrays) -> float:
    """The largest value in both figures."""
    rows = [*_choose_models(cka, control).values(), *_choose_blocks(cka).values()]
    return max(np.nanmax(array.values[index]) for array, index in rows)


@in_both_forms
def scores(measures: Measures, axes: np.ndarray | None = None) -> np.ndarray:
    """Localization score and edge score by depth of all models; dashed: with random weights.

    The dotted line is the edge score of tokens that would be nothing but the pixels of their own patch.
    """
    axes = panels(2, 3.3) if axes is None else axes
    for ax, measure, label in (
        (axes[0], "localization_score", "CKA, own − other interior patches"),
        (axes[1], "edge_score", "CKA, edge − interior patches"),
    ):
        _draw_scores(ax, measures[measure], measures[f"{measure}_random"])
        ax.set(title=measure.replace("_", " "), ylabel=label)
    pixels = measures["edge_score"]["vit"].values[0]
    axes[1].axhline(pixels, color=INK, linestyle=":", linewidth=1)
    axes[1].annotate("pixels alone", (1, pixels), xytext=(0, 3), textcoords="offset points", fontsize=8.5, ha="right")
    legend_above(axes)
    return axes


def _draw_scores(ax: Axes, trained: Arrays, control: Arrays) -> None:
    for role, (label, color) in MODELS.items():
        for found, style, width in ((trained, "o-", 2), (control, "--", 1.2)):
            if role in found:
                layers = found[role].axes["layer"]
                values = found[role].values[layers[0] == "pixels" :]
                name = label if found is trained else None
                ax.plot(np.linspace(0, 1, len(values)), values, style, color=color, linewidth=width, ms=4, label=name)
    ax.plot([], [], "--", color=INK, linewidth=1.2, label="random weights")
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlabel("depth (0: first block, 1: last)")


@in_both_forms
def probes(trained: Arrays, control: Arrays, label: str, axes: np.ndarray | None = None) -> np.ndarray:
    """What probes read off each kind of token by block, a panel a model; dashed: with random weights.

    Args:
        label: of the vertical axis; values below −0.1 are cut off.
    """
    shown = [role for role in MODELS if role in trained]
    axes = panels(len(shown), 3.1, 2.7 * len(shown), sharey=True) if axes is None else axes
    for ax, role in zip(axes, shown, strict=True):
        for found, style, width in ((trained[role], "o-", 2), (control[role], "--", 1.2)):
            for kind, values in zip(found.axes["kind"], found.values, strict=True):
                ax.plot(values, style, color=KINDS[kind], linewidth=width, markersize=4)
        ax.set_title(MODELS[role][0])
        ax.set_xlabel("block")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    low = min(0.0, *(array.values.min() for array in (*trained.values(), *control.values())))
    axes[0].set_ylim(max(low, -0.1) - 0.02, 1)
    label_rows(axes, label)
    names = {"single": "single token", "side by side": "tokens concatenated"}
    for kind in (kind for kind in KINDS if any(kind in trained[role].axes["kind"] for role in shown)):
        axes[0].plot([], [], color=KINDS[kind], label=names.get(kind, kind))
    axes[0].plot([], [], "--", color=INK, linewidth=1.2, label="random weights")
    legend_above(axes, 5)
    return axes


@in_both_forms
def occlusion(pictures: Sequence[Image.Image], arrays: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """A row of pictures, and below, over them, for each model how far its score falls when a patch is painted over.

    Each map is relative to its own largest fall; where the score rises the map is dark. Pictures are cut to a square;
    the margin that a model's own preprocessing may cut off besides is not.
    """
    shown = [role for role in MODELS if role in arrays]
    n = len(pictures)
    if axes is None:
        width = width_of(1.7 * n + 1)
        height = (width / n if is_narrow() else 1.7) * (1 + len(shown))
        axes = plt.subplots(1 + len(shown), n, figsize=(width, height), squeeze=False)[1]
    squares = [ImageOps.fit(picture, (min(picture.size),) * 2) for picture in pictures]
    for ax, square in zip(axes.T.flat, np.repeat(squares, 1 + len(shown), axis=0), strict=True):
        ax.imshow(square, interpolation="none", extent=WHOLE)
    look = {"vmin": 0, "vmax": 1, "cmap": MAP, "interpolation": "none", "extent": WHOLE, "alpha": 0.7}
    for row, role in zip(axes[1:], shown, strict=True):
        for ax, values in zip(row, arrays[role].values, strict=True):
            ax.imshow(values / max(values.max(), 1e-12), **look)
    for row, label in zip(axes, ("picture", *(MODELS[role][0] for role in shown)), strict=True):
        row[0].set_ylabel(label, fontsize=9)
        for ax in row:
            _blank(ax)
    color_bar(axes[1, 0].images[-1], axes if is_narrow() else axes[1:], "share of the largest fall")
    return axes


def _draw_maps(rows: Rows, most: float, axes: np.ndarray | None) -> np.ndarray:
    """Three maps of each row, from 0 to `most`."""
    if axes is None:
        size = (width_of(6.5), (1.2 if is_narrow() else 1.9) * len(rows) + 0.3)
        axes = plt.subplots(len(rows), 3, figsize=size, squeeze=False)[1]
    for row, (label, (array, index)) in zip(axes, rows.items(), strict=True):
        for ax, token, values in zip(row, array.axes["token"], array.values[index], strict=True):
            ax.imshow(values, vmin=0, vmax=most, cmap=MAP, interpolation="none")
            y, x = map(int, token.split(","))
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=ON_MAP, linewidth=1.6))
            _blank(ax)
        row[0].set_ylabel(label, fontsize=9)
    for ax, title in zip(axes[0], TOKENS, strict=True):
        ax.set_title(title, fontsize=9.5)
    color_bar(axes[0, 0].images[0], axes, "CKA with the patch", 0.6)
    return axes


def _blank(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
