"""Figures of what CKA is and is not. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from seelike.figures import labelled
from seelike.figures.forms import SMALL, in_both_forms, label_rows, legend_above, panels, width_of
from seelike.figures.palette import COLORS, INK, SERIES
from seelike.results.labelled_array import Arrays, LabelledArray

MEASURES = {"biased_cka": "CKA, biased"} | labelled.MEASURES


@in_both_forms
def minibatches(sizes: Arrays, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA over the size of a minibatch, one line an estimator: of two layers, and of unrelated ones."""
    axes = panels(2, 3.1, sharey=True) if axes is None else axes
    titles = {"vit_cnn": "a ViT's and a CNN's block", "unrelated": "the same, images shuffled"}
    styles = {"unbiased, sums divided once": "o-", "unbiased, mean of ratios": "x--", "biased, sums divided once": "s-"}
    for ax, (pair, title) in zip(axes, titles.items(), strict=True):
        array = sizes[pair]
        for label, values, color in zip(array.axes["estimator"], array.values, SERIES, strict=False):
            ax.plot(array.axes["minibatch"], values, styles[label], color=color, label=label)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.0f}")
        ax.set_xlabel("images per minibatch")
        ax.set_title(title)
    label_rows(axes, "CKA")
    axes[0].set_ylim(-0.05, 1)
    axes[1].legend()
    return axes


@in_both_forms
def outliers(array: LabelledArray, translated: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """CKA over how far one image is pushed out, and every measure over how far half of all are moved."""
    axes = panels(2, 3.1) if axes is None else axes
    factors = array.axes["factor"]
    for label, values, color in zip(array.axes["outlier"], array.values, SERIES[::3], strict=False):
        axes[0].plot(factors, values, "o-", color=color, label=label)
    axes[0].set_xscale("log")
    axes[0].xaxis.set_major_formatter("{x:g}")
    axes[0].set(xlabel="factor on its distance from the mean", ylabel="CKA", ylim=(0, None))
    axes[0].legend()
    axes[0].set_title("one image moved")
    _draw_measures(axes[1], translated)
    axes[1].set(title="half of them moved", xlabel="moved by so many spreads")
    axes[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return axes


def samples(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """CKA over the share of features kept, a point a draw."""
    ax = ax or plt.subplots(figsize=(SMALL, 3.2))[1]
    shares, values = np.array(array.axes["share"]), array.values
    ax.scatter(shares.repeat(values.shape[1]), values.flatten(), s=10, color=COLORS["random"], label="one draw")
    ax.plot(shares, values.mean(1), "o-", color=COLORS["vit"], label="mean")
    ax.set_xscale("log", base=2)
    ax.set_xticks(shares, [f"1/{round(1 / share)}" if share < 1 else "all" for share in shares])
    ax.minorticks_off()
    ax.set(xlabel="share of the ViT block's features that is kept", ylabel="CKA", ylim=(0, None))
    ax.legend()
    return ax


@in_both_forms
def measures(shares: LabelledArray, widths: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """Every measure, over the share of a layer that is of other images, and of unrelated layers, over width."""
    axes = panels(2, 3.3, sharey=True) if axes is None else axes
    for ax, array in zip(axes, (shares, widths), strict=True):
        _draw_measures(ax, array)
    axes[0].set(title="a layer exchanged", xlabel="share of the layer's variance that is other images'")
    axes[1].set_xscale("log", base=4)
    axes[1].xaxis.set_major_formatter("{x:.0f}")
    axes[1].set(title="unrelated layers", xlabel="features of two layers with nothing in common")
    label_rows(axes, "similarity")
    legend_above(axes, 3)
    return axes


@in_both_forms
def calibration(array: LabelledArray, axes: np.ndarray | None = None) -> np.ndarray:
    """Best matches of two untrained networks by every measure, raw and calibrated, of the same and of other images."""
    axes = panels(2, 3.3, sharex=True, sharey=True) if axes is None else axes
    places = np.arange(len(array.axes["measure"]))
    for ax, images, values in zip(axes, array.axes["images"], array.values.transpose(2, 1, 3, 0), strict=True):
        for network, scores, color in zip(array.axes["network"], values, (COLORS["cnn"], COLORS["vit"]), strict=True):
            shift = 0.12 if network == array.axes["network"][1] else -0.12
            raw, calibrated = scores[0], scores[-1]
            ax.plot(raw, places + shift, "o", mfc="none", color=color, label=f"{network}, raw")
            ax.plot(calibrated, places + shift, "o", color=color, label=f"{network}, calibrated")
        ax.axvline(0, color=INK, lw=0.8)
        ax.set(title=images, xlabel="best match, mean over layers")
    axes[0].set_yticks(places, [MEASURES[measure] for measure in array.axes["measure"]])
    axes[0].invert_yaxis()
    legend_above(axes)
    return axes


def _draw_measures(ax: Axes, array: LabelledArray) -> None:
    """A line a measure over the other axis."""
    places = next(labels for name, labels in array.axes.items() if name != "measure")
    colors = dict(zip(MEASURES, (COLORS["random"], *SERIES), strict=True))
    for measure, values in zip(array.axes["measure"], array.values, strict=True):
        style = "s--" if measure == "biased_cka" else "o-"
        ax.plot(places, values, style, ms=4, color=colors[measure], label=MEASURES[measure])
    ax.set(ylabel="similarity", ylim=(-0.1, 1.05))


@in_both_forms
def transformations(array: LabelledArray, ax: Axes | None = None) -> Axes:
    """CKA of a layer with itself transformed, a bar each."""
    ax = ax or plt.subplots(figsize=(width_of(7.5), 2.8))[1]
    labels = array.axes["transformation"]
    ax.barh(labels, array.values, color=COLORS["vit"], height=0.6)
    for index, value in enumerate(array.values):
        ax.annotate(f"{value:.2f}", (max(value, 0), index), xytext=(4, 0), textcoords="offset points", va="center")
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12)
    ax.set_xlabel("CKA with the layer as it was")
    ax.tick_params(axis="y", length=0)
    return ax
