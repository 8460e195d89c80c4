"""Trainings that label every pixel of drawings: what their cards say of the designs of a pyramid and of a plain ViT.

All learned from the same drawings in as many steps, with one small decoder. The cards hold the answers of every
training to the same test drawings: the classes, and tables of truth by answer of all patches and of all pixels, a
table for each of forty groups of drawings.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from seelike.chapters.answered import SCALES, find_accuracies, find_twins
from seelike.images.drawings import IMAGE_SIZE
from seelike.images.shapes import OUTLINES, Shapes, label_pixels
from seelike.measures.intervals import Terms, combine
from seelike.measures.segmentation import mean_iou, mean_iou_of_objects, replicate, share_right, tabulate
from seelike.models import bundled, hlg
from seelike.results.answers import read_digits
from seelike.results.choices import Choices
from seelike.results.labelled_array import LabelledArray, Measures

BOTH, RANDOM, PLAIN = "local and global", "random windows", "plain ViT"
ALONE = ("local alone", "global alone")
DESIGNS = {
    BOTH: hlg.FULL,
    ALONE[0]: hlg.LOCAL,
    ALONE[1]: hlg.GLOBAL,
    RANDOM: hlg.RANDOM,
    PLAIN: "vit_pocket_dense_56",
}
TAG = "dense_shapes"
CELLS = ("patches", "pixels")  # of which cards have tables
CLASSES = "classes"
OVERLAPS = {"mean": mean_iou, "objects": mean_iou_of_objects, "right": share_right}
TRUTH = "truth"
BOUNDS = ("difference", "low", "high")
SIDES = (7, 28)  # cells a side: of the plain ViT's grid, and of the pyramid's finest
IN_PART = 250  # drawings at a time

Replicates = dict[str, np.ndarray]  # design → (trainings, draws + 1)


@dataclass(frozen=True)
class Labelled:
    """What was found of all designs: replicates of the scores of `CELLS` and `CLASSES`; and `shown`.

    `shown` are all pixels' labels of a few drawings, by drawing, as they are and by the first training of each design.
    `n_images` are all drawings that the cards tell of.
    """

    scores: dict[str, Replicates]
    shown: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    n_images: int = 0
    trained: bool = True

    def forget(self) -> "Labelled":
        """Before training: of the same designs nothing is known of any effect."""
        return Labelled(self.scores, trained=False)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: all scores by training, the control, and the pixels of single drawings."""
        if not self.shown:
            return {}
        known = self.scores[CLASSES]
        most = max(map(len, known.values()))
        values = np.full((len(self.scores), len(known), most), np.nan)
        for of_designs, found in zip(values, self.scores.values(), strict=True):
            for of_trainings, each in zip(of_designs, found.values(), strict=True):
                of_trainings[: len(each)] = each[:, 0]
        axes = {"labels": self.scores, "design": known, "training": range(1, 1 + most)}
        rows = {"row": range(IMAGE_SIZE), "column": range(IMAGE_SIZE)}
        pixels = {name: LabelledArray({"image": list(of)} | rows, list(of.values())) for name, of in self.shown.items()}
        return self._compare_windows() | {
            "trained_labels": {"shapes": LabelledArray(axes, values)},
            "pixels": pixels,
            "miou_of_grid": {TRUTH: LabelledArray({"side": SIDES}, _limit_by_grid(self.n_images))},
        }

    def terms(self) -> dict[str, Terms]:
        """H4, of patches and classes, and H5, of pixels: over groups of test drawings, as far as designs are known."""
        return self.compare_attention("patches") | self.compare_grids("pixels")

    def compare_attention(self, cells: str) -> dict[str, Terms]:
        """H4: the pyramid − the better of its halves, by the labels of cells and by classes."""
        if not self.scores[CLASSES].keys() >= {*ALONE}:
            return {}
        return {
            part: self._compare(labels, self._find_better(labels))
            for part, labels in (("H4a", cells), ("H4b", CLASSES))
        }

    def compare_grids(self, cells: str) -> dict[str, Terms]:
        """H5: the pyramid − the plain ViT."""
        return {"H5": self._compare(cells, PLAIN)} if PLAIN in self.scores[cells] else {}

    def _find_better(self, labels: str) -> str:
        """Which kind of attention alone is better, by its mean over trainings: it is that which has to be beaten."""
        return max(ALONE, key=lambda name: self.scores[labels][name][:, 0].mean())

    def _compare_windows(self) -> Measures:
        """The control of H4: mIoU of patches, windows of neighbours − windows drawn at random, with its interval."""
        if RANDOM not in self.scores["patches"]:
            return {}
        found = combine(self._compare("patches", RANDOM))
        return {"random_windows": {"patches": LabelledArray({"number": BOUNDS}, [found.effect, found.low, found.high])}}

    def _compare(self, labels: str, other: str) -> Terms:
        found = self.scores[labels] if self.trained else {name: np.nan * of for name, of in self.scores[labels].items()}
        return {(BOTH,): found[BOTH], (other,): -found[other]}


def read_labelled(n_seeds: int, overlap: str = "mean", scale: str = "points") -> Labelled | None:
    """What the cards say of the first trainings of every design that has any; None if the pyramid itself has none.

    Args:
        overlap: a key of `OVERLAPS`.
        scale: of accuracies, a key of `answered.SCALES`.
    """
    manifest, names = bundled.read_manifest(), {name: f"{own}.{TAG}" for name, own in DESIGNS.items()}
    cards = {name: twins for name, own in names.items() if (twins := find_twins(manifest, own)[:n_seeds])}
    if BOTH not in cards:
        return None
    scores = {cells: _score(cards, cells, OVERLAPS[overlap]) for cells in CELLS}
    scores[CLASSES] = {name: find_accuracies(manifest, names[name], scale)[:n_seeds] for name in cards}
    first = {name: each[0] for name, each in cards.items()}
    return Labelled(scores, _read_shown(first), len(first[BOTH]["answers"]))


def vary_labelled(n_seeds: int) -> Iterator[tuple[Choices, dict[str, Terms]]]:
    """H4 and H5 by every choice, as far as designs are known."""
    for overlap, scale in product(OVERLAPS, SCALES):
        found = read_labelled(n_seeds, overlap, scale)
        for cells in CELLS if found else ():
            choices = {"cells": cells, "overlap": overlap}
            yield choices | {"scale": scale}, found.compare_attention(cells)
            if scale == "points":  # it is of classes alone
                yield choices, found.compare_grids(cells)


def _score(cards: dict[str, list[dict]], cells: str, score: Callable[[np.ndarray], np.ndarray]) -> Replicates:
    return {name: np.array([replicate(np.array(card[cells]), score) for card in of]) for name, of in cards.items()}


def _read_shown(cards: dict[str, dict]) -> dict[str, dict[int, np.ndarray]]:
    """Which drawings the cards show, with their true labels and those by each design."""
    indices, size = sorted(map(int, next(iter(cards.values()))["shown"])), (IMAGE_SIZE, IMAGE_SIZE)
    shown = {TRUTH: {index: label_pixels(Shapes("test").drawing(index)) for index in indices}}
    for name, card in cards.items():
        shown[name] = {index: read_digits(card["shown"][str(index)]).reshape(size) for index in indices}
    return shown


def _limit_by_grid(n_images: int) -> list[float]:
    """mIoU of the truth itself on grids of `SIDES`: each cell's share of the object, resized as a decoder's scores."""
    tables = [0] * len(SIDES)
    for indices in torch.arange(n_images).split(IN_PART):
        drawings = [Shapes("test").drawing(index) for index in indices.tolist()]
        masks = torch.from_numpy(np.stack([each.mask for each in drawings]))[:, None].float()
        labels = torch.tensor([1 + each.outline for each in drawings])[:, None, None, None]
        for number, side in enumerate(SIDES):
            shares = interpolate(adaptive_avg_pool2d(masks, side), IMAGE_SIZE, mode="bilinear")
            tables[number] += tabulate(labels * (shares >= 0.5), labels * masks, 1 + len(OUTLINES))
    return [float(mean_iou(table)) for table in tables]
