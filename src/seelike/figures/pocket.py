"""Figures of the bundled models and their images. Each function draws on `ax` (or a new one) and returns it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from seelike.figures.forms import in_both_forms, is_narrow, label_rows, panels, width_of
from seelike.figures.palette import COLORS, INK, PAPER, PARTS, SHADES
from seelike.figures.style import LABELS
from seelike.images.drawings import Drawings
from seelike.images.shapes import CUES, Shapes, best_accuracy
from seelike.models.recipes import NO_SKIP_BLOCKS, SHAPES, SHARES, Family
from seelike.system.errors import InputError


def name_curves(family: Family) -> dict[str, dict[str, str]]:
    """Panel → label → the model whose learning curve is drawn: the kinds, less data, a block without skips."""

    def name(design: str, change: str = "") -> str:
        return f"{family.name(design)}.{family.tag}{change}"

    kinds = {"ViT, CLS": "vit", "ViT, GAP": "gap", "small ViT": "small", "ResNet": "resnet", "Mixer": "mixer"}
    shares = {f"{share} %": name("vit", f"_{share}pct") for share in reversed(SHARES)}
    ablated = {f"block {block}": name(f"noskip{block}") for block in NO_SKIP_BLOCKS}
    return {
        "Kinds": {label: name(design) for label, design in kinds.items()},
        "Less data (ViT)": {"all images": name("vit")} | shares,
        "A block without skips (ViT)": {"none": name("vit")} | ablated,
    }


@in_both_forms
def drawings(n_each: int = 3, images: Drawings | None = None, ax: Axes | None = None) -> Axes:
    """A few drawings of each class, a column per class, in narrow form a row; of `shapes` unless `images` are given.

    Raises InputError if `n_each` is not 1 to 10.
    """
    if n_each not in range(1, 11):
        raise InputError(f"n_each must be 1 to 10, not {n_each!r}")
    images = images or Shapes("validation")
    narrow = is_narrow()
    ax = ax or plt.subplots(figsize=(width_of(), 5 if narrow else 0.8 * n_each + 0.6))[1]
    lines = [np.concatenate([images.drawing(10 * k + c).image for k in range(n_each)], int(narrow)) for c in range(10)]
    ax.imshow(np.concatenate(lines, int(not narrow)), interpolation="none")
    named, bare, divide = (ax.yaxis, ax.xaxis, ax.axhline) if narrow else (ax.xaxis, ax.yaxis, ax.axvline)
    side, names = min(lines[0].shape[:2]), [name if narrow else name.replace(" ", "\n") for name in images.classes]
    named.set_ticks([side * (c + 0.5) for c in range(10)], names, fontsize=9)
    bare.set_ticks([])
    for edge in range(1, 10):
        divide(side * edge - 0.5, color=PAPER, linewidth=3)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


@in_both_forms
def learning_curves(manifest: dict[str, dict], family: Family = SHAPES, axes: np.ndarray | None = None) -> np.ndarray:
    """Held-out accuracy over the images seen: the kinds of models, less data, a block without skips."""
    axes = panels(3, 3.3, sharey=True) if axes is None else axes
    shades = [SHADES[share] for share in (100, 30, 10, 3)]
    palettes = ([COLORS[role] for role in LABELS], shades, [COLORS["vit"], *PARTS])
    for ax, palette, (title, curves) in zip(axes, palettes, name_curves(family).items(), strict=True):
        for color, (label, name) in zip(palette, curves.items(), strict=False):
            curve = manifest[name]["curve"]
            ax.plot(curve["images_seen"], curve["accuracy"], color=color, label=label)
        if family == SHAPES:
            _mark_ceilings(ax)
        ax.set_title(title)
        ax.set_xlabel("images seen")
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.legend(loc="lower right")
    label_rows(axes, "held-out accuracy")
    axes[0].set_ylim(0, 1)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    return axes


@in_both_forms
def answers(
    images: Drawings, chosen: dict[str, list[int]], given: dict[str, list[int]], axes: np.ndarray | None = None
) -> np.ndarray:
    """Drawings with what they show and which models name their class: a row for each of the `chosen` groups.

    Args:
        chosen: group → the numbers of its drawings.
        given: model → its answer to every drawing of the data set from the first on.
    """
    axes = _lay_out(len(chosen), max(map(len, chosen.values()))) if axes is None else axes
    for row, (group, numbers) in zip(axes, chosen.items(), strict=True):
        for ax, number in zip(row, numbers, strict=False):
            _draw_answer(ax, images, number, {model: answer[number] for model, answer in given.items()})
        for ax in row[len(numbers) :]:
            ax.set_axis_off()
        row[0].set_ylabel(group, fontweight="bold")
    return axes


def _lay_out(groups: int, each: int) -> np.ndarray:
    """New panels, (groups, each): a row per group; in narrow form two beside each other."""
    beside = 2 if is_narrow() else each
    rows = groups * -(-each // beside)
    made = plt.subplots(rows, beside, figsize=(width_of(), 2.9 * rows), squeeze=False)[1].reshape(groups, -1)
    for ax in made[:, each:].flat:
        ax.set_axis_off()
    return made[:, :each]


def _draw_answer(ax: Axes, images: Drawings, number: int, given: dict[str, int]) -> None:
    drawing = images.drawing(number)
    ax.imshow(drawing.image, interpolation="none")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_title(images.classes[drawing.label], fontsize=9)
    lines = [
        f"{model}: " + ("right" if answer == drawing.label else images.classes[answer])
        for model, answer in given.items()
    ]
    ax.set_xlabel("\n".join(lines), fontsize=8.5, loc="left")


def _mark_ceilings(ax: Axes) -> None:
    for cues in (("texture", "hue"), tuple(CUES)):
        ceiling = best_accuracy(cues)
        ax.axhline(ceiling, color=INK, linestyle=":", linewidth=1)
        ax.annotate(f"ideal reader of {', '.join(cues)}", (1, ceiling), xycoords=ax.get_yaxis_transform(),
                    xytext=(0, 3), textcoords="offset points", ha="right", fontsize=8.5)  # fmt: skip
