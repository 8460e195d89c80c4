"""Figures of the Mixer chapter. Each function draws on `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np

from seelike.figures.heatmaps import similarity
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays, LabelledArray


def alone(cka: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA among the blocks of Mixer, ViT and CNN; lines where the first part of the best split in two ends."""
    return _draw_row([(cka[role], LABELS[role]) for role in ("mixer", "vit", "cnn")], axes)


def across(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of the Mixer's blocks with those of the ViT and of the CNN: left trained, right with random weights."""
    panels = [
        (arrays[f"mixer_{other}"], f"Mixer against {LABELS[other]}{kind}")
        for arrays, kind in ((cka, ""), (control, ",\nrandom weights"))
        for other in ("vit", "cnn")
    ]
    axes = _draw_row(panels, axes)
    for ax in axes:
        ax.set_xlabel(ax.get_xlabel(), fontsize=8)
        ax.set_ylabel(ax.get_ylabel() if ax is axes[0] else "", fontsize=8)
    return axes


def _draw_row(panels: list[tuple[LabelledArray, str]], axes: np.ndarray | None) -> np.ndarray:
    if axes is None:
        axes = plt.subplots(1, len(panels), figsize=(9, 0.6 + 8 / len(panels)), layout="constrained")[1]
    for ax, (array, title) in zip(axes, panels, strict=True):
        similarity(array, title, ax)
        ax.title.set_fontsize(9.5)
    axes[-1].figure.colorbar(axes[-1].collections[0], ax=list(axes), label="CKA", shrink=0.75, pad=0.02)
    return axes
