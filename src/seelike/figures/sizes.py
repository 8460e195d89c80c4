"""The figure of ViTs of different size. It draws on `axes` (or new ones) and returns them."""

import matplotlib.pyplot as plt
import numpy as np

from seelike.figures.heatmaps import similarity
from seelike.figures.palette import ON_MAP
from seelike.measures.depth_match import match_depth
from seelike.results.labelled_array import Arrays


def sizes(cka: Arrays, control: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA of a large ViT's blocks with a small one's, dots where depths are equal: left trained, right untrained."""
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")[1]
    for ax, arrays, title in zip(axes, (cka, control), ("trained", "random weights"), strict=True):
        array = arrays["vit_vit_small"]
        similarity(array, title, ax)
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
        ax.set_xlabel("small ViT's block")
        ax.set_ylabel("large ViT's block")
    axes[-1].figure.colorbar(axes[-1].collections[0], ax=list(axes), label="CKA", shrink=0.8, pad=0.02)
    return axes
