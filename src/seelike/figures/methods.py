"""Figures of what CKA is and is not. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures.palette import COLORS, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray


def minibatches(sizes: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA over the size of a minibatch, one line an estimator: of two layers, and of unrelated ones."""
    axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)[1] if axes is None else axes
    titles = {"vit_cnn": "a ViT's and a CNN's block", "unrelated": "the same, images shuffled"}
    styles = {"unbiased, sums divided once": "o-", "unbiased, mean of ratios": "x--", "biased, sums divided once": "s-"}
    for ax, (pair, title) in zip(axes, titles.items(), strict=True):
        array = sizes[pair]
        for label, values, color in zip(array.axes["estimator"], array.values, SERIES, strict=False):
            ax.plot(array.axes["minibatch"], values, styles[label], color=color, label=label)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.0f}")
        ax.set_xlabel("images a minibatch")
        ax.set_title(title)
    axes[0].set_ylabel("CKA")
    axes[0].set_ylim(-0.05, 1)
    axes[1].legend(fontsize=8)
    return axes


def outliers_and_samples(outliers: LabelledArray, samples: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """Left, CKA over how far one image is pushed out; right, over the share of features kept, a point a draw."""
    axes = plt.subplots(1, 2, figsize=(9, 3.2))[1] if axes is None else axes
    factors = outliers.axes["factor"]
    for label, values, color in zip(outliers.axes["outlier"], outliers.values, SERIES[::3], strict=False):
        axes[0].plot(factors, values, "o-", color=color, label=label)
    axes[0].set_xscale("log")
    axes[0].xaxis.set_major_formatter("{x:g}")
    axes[0].set_xlabel("one image's distance from the mean is multiplied by")
    axes[0].legend(fontsize=8)
    shares, values = np.array(samples.axes["share"]), samples.values
    axes[1].scatter(shares.repeat(values.shape[1]), values.flatten(), s=10, color=COLORS["random"], label="one draw")
    axes[1].plot(shares, values.mean(1), "o-", color=COLORS["vit"], label="mean")
    axes[1].set_xscale("log", base=2)
    axes[1].set_xticks(shares, [f"1/{round(1 / share)}" if share < 1 else "all" for share in shares])
    axes[1].minorticks_off()
    axes[1].set_xlabel("share of the ViT block's features that is kept")
    axes[1].legend(fontsize=8)
    for ax in axes:
        ax.set_ylabel("CKA")
        ax.set_ylim(0)
    return axes


def transformations(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """CKA of a layer with itself transformed, a bar each."""
    ax = ax or plt.subplots(figsize=(7.5, 2.8))[1]
    labels = array.axes["transformation"]
    ax.barh(labels, array.values, color=COLORS["vit"], height=0.6)
    for index, value in enumerate(array.values):
        ax.annotate(f"{value:.2f}", (max(value, 0), index), xytext=(4, 0), textcoords="offset points", va="center")
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12)
    ax.set_xlabel("CKA with the layer as it was")
    ax.tick_params(axis="y", length=0)
    return ax
