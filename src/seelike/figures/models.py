"""Lines of several models in one panel, each in its colour and place throughout the book."""

from matplotlib.axes import Axes

from seelike.figures.palette import COLORS, INK
from seelike.figures.style import LABELS
from seelike.results.labelled_array import Arrays

MODELS = {role: (label, COLORS[role]) for role, label in LABELS.items()}


def plot_by_model(ax: Axes, arrays: Arrays, first: tuple[float, float] | None = None) -> None:
    """A line for each model along the one axis of its array, from a point that all have in common, if there is one."""
    for role, (label, color) in MODELS.items():
        if role in arrays:
            (places,) = arrays[role].axes.values()
            points = ([first] if first else []) + list(zip(places, arrays[role].values, strict=True))
            ax.plot(*zip(*points, strict=True), "o-", color=color, markersize=4, label=label)
    ax.axhline(0, color=INK, linewidth=0.8)


def finish(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Titles of a panel; an axis that has one already keeps it where none is given."""
    ax.set_title(title, fontsize=9.5)
    ax.set_xlabel(x or ax.get_xlabel())
    ax.set_ylabel(y or ax.get_ylabel())
