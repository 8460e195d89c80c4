"""Figures of the Mixer chapter. Each function draws on `axes` (or new ones) and returns them."""

import numpy as np

from seelike.figures.forms import in_both_forms
from seelike.figures.heatmaps import draw_row
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays


@in_both_forms
def alone(cka: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA among the blocks of ViT, CNN and Mixer; lines where the first part of the best split in two ends."""
    return draw_row({LABELS[role]: cka[role] for role in ("vit", "cnn", "mixer")}, axes)


@in_both_forms
def across(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of the Mixer's blocks with those of the ViT and of the CNN: first trained, then with random weights."""
    shown = {
        f"Mixer against {LABELS[other]},\n{kind}": arrays[f"mixer_{other}"]
        for arrays, kind in ((cka, "trained"), (control, "random weights"))
        for other in ("vit", "cnn")
    }
    axes = draw_row(shown, axes, beside=2)
    for ax in axes:
        ax.title.set_fontsize(9)
        ax.set_ylabel(ax.get_ylabel() if ax.get_subplotspec().is_first_col() else "")
    return axes
