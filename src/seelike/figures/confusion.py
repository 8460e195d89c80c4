"""Which classes models take for which, from the answers in their cards."""

import numpy as np

from seelike.figures.forms import color_bar, in_both_forms, is_narrow, label_rows, panels
from seelike.figures.palette import MAP
from seelike.results.answers import count_answers


@in_both_forms
def confusion(cards: dict[str, dict], names: tuple[str, ...], axes: np.ndarray | None = None) -> np.ndarray:
    """Heatmaps in a row, one a model: of the images of a class (down) the share that was taken for each (across).

    Args:
        cards: label of a model → its card, with the answers to the test images and their classes.
        names: of the classes.
    """
    axes = panels(len(cards), 3.5 if is_narrow() else 3, sharey=True) if axes is None else axes
    for ax, (label, card) in zip(axes, cards.items(), strict=True):
        counts = count_answers(card, len(names))
        ax.imshow(counts / counts.sum(1, keepdims=True), vmin=0, vmax=1, cmap=MAP, interpolation="none")
        ax.set_xticks(range(len(names)), names)
        ax.set_yticks(range(len(names)), names)
        ax.spines[:].set_visible(False)
        ax.set_title(label)
        ax.set_xlabel("answer")
        ax.tick_params(length=0, labelsize=8)
        ax.tick_params(axis="x", rotation=90)
    label_rows(axes, "class")
    color_bar(axes[-1].images[0], axes, "share of the class")
    return axes
