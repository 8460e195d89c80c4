"""The page "Look for yourself" as one still picture: what it shows of some models at first."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from seelike.figures.forms import grid, in_both_forms
from seelike.figures.palette import MAP, ON_MAP

SIGNED = "RdBu_r"


@dataclass(frozen=True)
class Look:
    """Maps of one model: `heads` (heads, rows, columns) of attention, none without; the others (rows, columns)."""

    heads: np.ndarray
    resemblance: np.ndarray
    occlusion: np.ndarray


@in_both_forms
def still(image: np.ndarray, looks: dict[str, Look], token: int) -> np.ndarray:
    """A row for each model, in narrow form a column; the token, counted row by row, is outlined where it stands."""
    axes = grid(len(looks), max(len(look.heads) for look in looks.values()) + 3, 1.5)
    for row, (title, look) in zip(axes, looks.items(), strict=True):
        place = divmod(token, look.resemblance.shape[1])
        row[0].imshow(image, interpolation="none")
        row[0].set_title(title.replace(", ", ",\n"))
        _frame(row[0], place, image.shape[0] / len(look.resemblance))
        _draw_heads(row[1:-2], look.heads)
        row[-2].imshow(look.resemblance, MAP, vmin=0, interpolation="none")
        row[-2].set_title("CKA with\npatches")
        _frame(row[-2], place, 1)
        most = np.abs(look.occlusion).max()
        row[-1].imshow(look.occlusion, SIGNED, vmin=-most, vmax=most, interpolation="none")
        row[-1].set_title("occlusion")
    for ax in axes.flat:
        ax.axis("off")
        ax.title.set_fontsize(9)
    return axes


def _draw_heads(axes: np.ndarray, heads: np.ndarray) -> None:
    """On one scale; where a model has no attention, it says so once."""
    for number, (ax, values) in enumerate(zip(axes, heads, strict=False)):
        ax.imshow(values, MAP, vmin=0, vmax=heads.max(), interpolation="none")
        ax.set_title(f"head {number}")
    if not len(heads):
        axes[0].text(0, 0.5, "no attention", va="center", transform=axes[0].transAxes)


def _frame(ax: Axes, place: tuple[int, int], size: float) -> None:
    y, x = (number * size - 0.5 for number in place)
    ax.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor=ON_MAP, linewidth=2))
