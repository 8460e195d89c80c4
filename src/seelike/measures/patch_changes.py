"""How much accuracy survives when patches are dropped or shuffled: Naseer et al. (2021), Figs 3, 10 and 18 to 21.

The patches are those of a ViT; every model sees the same images with the same cells of that grid painted black, or the
same tiles in the same order. What is changed is a **view**: its kind, and how much or into how many.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from seelike.measures.intervals import Terms
from seelike.measures.kept import replicate_kept
from seelike.measures.perturbations import Change, draw_cells, paint_cells, rank_cells, shuffle_tiles
from seelike.results.labelled_array import LabelledArray, Measures

View = tuple[str, float]
INTACT: View = ("intact", 0.0)
DROPPED, OFF_GRID, OBJECT, GROUND, TILES = (
    "at random",
    "at random, off the grid",
    "most object",
    "least object",
    "tiles",
)
SHARES = (0.25, 0.5, 0.75)  # of the cells that are dropped
HALF, QUARTER = 0.5, 0.25


def list_claimed(grid: tuple[int, int]) -> tuple[View, ...]:
    """What the claims need, of a ViT with this grid: half of the patches dropped, on the grid and off it; shuffled."""
    return (INTACT, (DROPPED, HALF), (OFF_GRID, HALF), (TILES, grid[0]))


def list_changes(
    size: tuple[int, int], grid: tuple[int, int], color: torch.Tensor, seed: int, masks: torch.Tensor | None = None
) -> dict[View, Change]:
    """All views of images of `size` pixels, each with its change.

    - "at random": a share of the cells of `grid` is painted over with `color`, drawn for each image; "off the grid" is
      the same with the grid moved by half a cell down and to the right;
    - "most object", "least object": a quarter of the cells, those with most or with least of the object, by `masks`
      (images, height, width), if there are any;
    - "tiles": the images cut into n × n tiles and shuffled, for all n that divide the sides, up to twice the grid's;
      where it does not, the grid's own is left out too.
    """
    half_a_cell = (size[0] // grid[0] // 2, size[1] // grid[1] // 2)
    drop = partial(_drop_at_random, grid=grid, color=color, seed=seed)
    changes: dict[View, Change] = {INTACT: lambda images, numbers: images}
    changes |= {(DROPPED, share): partial(drop, share=share) for share in SHARES}
    changes[OFF_GRID, HALF] = partial(drop, share=HALF, shift=half_a_cell)
    if masks is not None:
        amount = torch.nn.functional.adaptive_avg_pool2d(masks[:, None].float(), grid)[:, 0]
        for kind, sign in ((OBJECT, 1), (GROUND, -1)):
            changes[kind, QUARTER] = partial(_drop_known, cells=rank_cells(sign * amount, QUARTER), color=color)
    sides = [n for n in range(2, 2 * grid[0] + 1) if not (size[0] % n or size[1] % n)]
    tiles = {n: grid if n == grid[0] else (n, n) for n in sides}
    return changes | {(TILES, n): partial(_shuffle, grid=each, seed=seed) for n, each in tiles.items()}


def _drop_at_random(images, numbers, grid, color, seed, share, shift=(0, 0)) -> torch.Tensor:
    return paint_cells(images, draw_cells(grid, share, seed, numbers), color, shift)


def _drop_known(images, numbers, cells, color) -> torch.Tensor:
    return paint_cells(images, cells[list(numbers)], color)


def _shuffle(images, numbers, grid, seed) -> torch.Tensor:
    return shuffle_tiles(images, grid, seed, numbers)


@dataclass(frozen=True)
class Kept:
    """Accuracy of one model in every view, by draw of images, (draws,), and that of a guess.

    `side` is how many patches the ViT has a side.
    """

    accuracy: dict[View, np.ndarray]
    chance: float
    side: int

    def share(self, view: View) -> np.ndarray:
        """The replicates of the share of accuracy above chance that is kept, (draws + 1,)."""
        return replicate_kept(self.accuracy[view], self.accuracy[INTACT], self.chance)

    def _pick(self, axis: str, views: dict[str | float, View]) -> LabelledArray:
        there = {label: view for label, view in views.items() if view in self.accuracy}
        return LabelledArray({axis: list(there)}, [self.share(view)[0] for view in there.values()])

    def arrays(self) -> dict[str, LabelledArray]:
        """Labelled arrays for a result file, by measure: intact accuracy, and what is kept by kind of view."""
        places = [(DROPPED, HALF), (OFF_GRID, HALF), (DROPPED, QUARTER), (OBJECT, QUARTER), (GROUND, QUARTER)]
        tiles = {int(n): (kind, n) for kind, n in self.accuracy if kind == TILES}
        return {
            "intact_accuracy": LabelledArray({"view": [INTACT[0]]}, [self.accuracy[INTACT].mean()]),
            "kept_dropped": self._pick("share", {share: (DROPPED, share) for share in SHARES}),
            "kept_by_place": self._pick("dropped", {f"{share:.0%} {kind}": (kind, share) for kind, share in places}),
            "kept_shuffled": self._pick("tiles a side", tiles),
        }


def arrays(found: dict[str, Kept]) -> Measures:
    """Labelled arrays for a result file: measure → model → array."""
    own = {role: kept.arrays() for role, kept in found.items()}
    return {measure: {role: each[measure] for role, each in own.items()} for measure in next(iter(own.values()), ())}


def find_terms(vit: Kept, cnn: Kept) -> dict[str, Terms]:
    """I1 to I3: the share that is kept, ViT − CNN, of half of the patches, off the grid, and shuffled."""
    views = {"I1": (DROPPED, HALF), "I2": (OFF_GRID, HALF), "I3": (TILES, vit.side)}
    shared = {part: view for part, view in views.items() if view in vit.accuracy and view in cnn.accuracy}
    return {part: {("vit",): vit.share(view), ("cnn",): -cnn.share(view)} for part, view in shared.items()}


def nothing_to_lose(grid: tuple[int, int], n_draws: int) -> Kept:
    """Of an untrained model, at chance in every view that the claims need: what it keeps is NaN."""
    return Kept(dict.fromkeys(list_claimed(grid), np.zeros(n_draws)), 0.0, grid[0])
