"""The figure of ViTs of different size. It draws on `axes` (or new ones) and returns them."""

import numpy as np

from seelike.figures.forms import in_both_forms, label_rows
from seelike.figures.heatmaps import draw_row
from seelike.figures.palette import ON_MAP
from seelike.measures.depth_match import match_depth
from seelike.results.labelled_array import Arrays


@in_both_forms
def sizes(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of a large ViT's blocks with a small one's, dots where depths are equal: left trained, right untrained."""
    shown = {title: arrays["vit_vit_small"] for title, arrays in (("trained", cka), ("random weights", control))}
    axes = draw_row(shown, axes, 6.5, beside=2)
    for ax, array in zip(axes, shown.values(), strict=True):
        large = np.arange(len(array.values))
        ax.plot(
            match_depth(*array.values.shape) + 0.5,
            large + 0.5,
            "o",
            color=ON_MAP,
            markersize=4.5,
            markeredgecolor="#000000",
            markeredgewidth=0.6,
        )
    label_rows(axes, f"large {axes[0].get_ylabel()}")
    return axes
