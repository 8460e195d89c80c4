"""How much accuracy survives when patches are dropped or shuffled: Naseer et al. (2021), Figs 3, 10 and 18 to 21.

The patches are those of a ViT; every model sees the same images with the same cells of that grid painted black, or the
same tiles in the same order. A condition is a kind of change, and how much of the image or into how many tiles.
"""

from collections.abc import Collection, Iterator
from functools import partial

import torch

from seelike.measures.intervals import Terms
from seelike.measures.kept import INTACT, WAYS, Condition, Kept
from seelike.measures.perturbations import Change, draw_cells, paint_cells, rank_cells, shuffle_tiles, unchanged
from seelike.results.choices import Choices
from seelike.results.labelled_array import LabelledArray

DROPPED, OFF_GRID, FINE, MEAN = (
    "at random",
    "at random, off the grid",
    "at random, finer grid",
    "at random, mean colour",
)
OBJECT, GROUND, TILES = "most object", "least object", "tiles"
SHARES = (0.25, 0.5, 0.75)  # of the cells that are dropped
HALF, QUARTER = 0.5, 0.25
OWN_TILES: Condition = ("tiles that are the ViT's patches", 1.0)
SHARED: Condition = ("at random, alike in a minibatch", HALF)
OFF_GRID_MEAN: Condition = ("at random, off the grid, mean colour", HALF)
FINE_MEAN: Condition = ("at random, finer grid, mean colour", HALF)
SHARED_TILES: Condition = ("tiles that are the ViT's patches, alike in a minibatch", 1.0)
CLAIMED = {"I1": (DROPPED, HALF), "I2": (OFF_GRID, HALF), "I3": OWN_TILES}  # part of a claim → its condition


def list_changes(
    size: tuple[int, int], grid: tuple[int, int], color: torch.Tensor, seed: int, masks: torch.Tensor | None = None
) -> dict[Condition, Change]:
    """All that is done to images of `size` pixels: condition → change.

    - "at random": a share of the cells of `grid` is painted over with `color`, drawn for each image; "off the grid" is
      the same with the grid moved by half a cell down and to the right, "finer grid" with cells of half the width,
      "mean colour" with 0, the colour that images have on average once they are normalised;
    - "most object", "least object": a quarter of the cells, those with most or with least of the object, by `masks`
      (images, height, width), if there are any;
    - "tiles": the images cut into n × n tiles and shuffled, for all n up to twice the grid's that divide the sides;
      `OWN_TILES` are those of the grid, if it does.
    """
    half_a_cell = (size[0] // grid[0] // 2, size[1] // grid[1] // 2)
    drop = partial(_drop_at_random, grid=grid, color=color, seed=seed)
    changes: dict[Condition, Change] = {INTACT: unchanged}
    changes |= {(DROPPED, share): partial(drop, share=share) for share in SHARES}
    changes[OFF_GRID, HALF] = partial(drop, share=HALF, shift=half_a_cell)
    changes[FINE, HALF] = partial(drop, share=HALF, grid=(2 * grid[0], 2 * grid[1]))
    changes[MEAN, HALF] = partial(drop, share=HALF, color=torch.zeros(3))
    if masks is not None:
        amount = torch.nn.functional.adaptive_avg_pool2d(masks[:, None].float(), grid)[:, 0]
        for kind, sign in ((OBJECT, 1), (GROUND, -1)):
            changes[kind, QUARTER] = partial(_drop_known, cells=rank_cells(sign * amount, QUARTER), color=color)
    shuffle = partial(_shuffle, seed=seed)
    sides = [n for n in range(2, 2 * grid[0] + 1) if not (size[0] % n or size[1] % n)]
    changes |= {(TILES, n): partial(shuffle, grid=(n, n)) for n in sides}
    own = {} if size[0] % grid[0] or size[1] % grid[1] else {OWN_TILES: partial(shuffle, grid=grid)}
    return changes | own


def vary_changes(
    size: tuple[int, int], grid: tuple[int, int], color: torch.Tensor, seed: int
) -> dict[Condition, Change]:
    """All that is done to images for one of `list_universes`: some of `list_changes`, and the same done otherwise."""
    known, drop = list_changes(size, grid, color, seed), partial(_drop_at_random, seed=seed, share=HALF)
    half_a_cell, mean = (size[0] // grid[0] // 2, size[1] // grid[1] // 2), torch.zeros(3)
    more: dict[Condition, Change] = {
        SHARED: _share_draw(known[DROPPED, HALF]),
        OFF_GRID_MEAN: partial(drop, grid=grid, color=mean, shift=half_a_cell),
        FINE_MEAN: partial(drop, grid=(2 * grid[0], 2 * grid[1]), color=mean),
    }
    if OWN_TILES in known:
        more[SHARED_TILES] = _share_draw(known[OWN_TILES])
    asked = {each for *_, conditions in list_universes(_find_near(known, grid[0])) for each in conditions}
    return {condition: change for condition, change in (known | more).items() if condition in {INTACT, *asked}}


def _find_near(known: Collection[Condition], side: int) -> tuple[Condition, ...]:
    """Tiles of the next sizes above and below those that are so many a side; none unless these can be shuffled."""
    sides = sorted(n for kind, n in known if kind == TILES)
    fewer, more = [n for n in sides if n < side][-1:], [n for n in sides if n > side][:1]
    return tuple((TILES, n) for n in fewer + more) if OWN_TILES in known else ()


def _share_draw(change: Change) -> Change:
    """The same with what is drawn for a minibatch's first image done to all of it."""
    return lambda images, numbers: change(images, [numbers[0]] * len(images))


def list_universes(near: tuple[Condition, ...]) -> list[tuple[str, Choices, tuple[Condition, ...]]]:
    """Part of a claim, some choices, and the conditions over which what is kept is averaged.

    Args:
        near: the conditions of tiles that are nearly the ViT's patches; without them there is no mean over them.
    """
    curve = tuple((DROPPED, share) for share in SHARES)
    nearly = [("I3", {"tiles": "near", "drawn": "each"}, (OWN_TILES, *near))] if near else []
    return [
        ("I1", {"fill": "black", "dropped": "half", "drawn": "each"}, (CLAIMED["I1"],)),
        ("I1", {"fill": "mean", "dropped": "half", "drawn": "each"}, ((MEAN, HALF),)),
        ("I1", {"fill": "black", "dropped": "curve", "drawn": "each"}, curve),
        ("I1", {"fill": "black", "dropped": "half", "drawn": "minibatch"}, (SHARED,)),
        ("I2", {"holes": "shifted", "fill": "black"}, (CLAIMED["I2"],)),
        ("I2", {"holes": "shifted", "fill": "mean"}, (OFF_GRID_MEAN,)),
        ("I2", {"holes": "finer", "fill": "black"}, ((FINE, HALF),)),
        ("I2", {"holes": "finer", "fill": "mean"}, (FINE_MEAN,)),
        ("I3", {"tiles": "own", "drawn": "each"}, (OWN_TILES,)),
        ("I3", {"tiles": "own", "drawn": "minibatch"}, (SHARED_TILES,)),
        *nearly,
    ]


def _drop_at_random(images, numbers, grid, color, seed, share, shift=(0, 0)) -> torch.Tensor:
    return paint_cells(images, draw_cells(grid, share, seed, numbers), color, shift)


def _drop_known(images, numbers, cells, color) -> torch.Tensor:
    return paint_cells(images, cells[list(numbers)], color)


def _shuffle(images, numbers, grid, seed) -> torch.Tensor:
    return shuffle_tiles(images, grid, seed, numbers)


def arrays(kept: Kept) -> dict[str, LabelledArray]:
    """Labelled arrays for a result file, by measure: accuracy on intact images, and what is kept by kind of change."""
    halves = [(kind, HALF) for kind in (DROPPED, OFF_GRID, FINE, MEAN)]
    places = [*halves, (DROPPED, QUARTER), (OBJECT, QUARTER), (GROUND, QUARTER)]
    return {
        "intact_accuracy": kept.intact_array(),
        "kept_dropped": kept.array("share", {share: (DROPPED, share) for share in SHARES}),
        "kept_by_place": kept.array("dropped", {f"{share:.0%} {kind}": (kind, share) for kind, share in places}),
        "kept_shuffled": kept.array("tiles a side", {int(n): (kind, n) for kind, n in kept.accuracy if kind == TILES}),
    }


def vary_terms(vit: Kept, cnn: Kept) -> Iterator[tuple[Choices, dict[str, Terms]]]:
    """I1 to I3 in every universe whose conditions were asked of both."""
    shared = vit.accuracy.keys() & cnn.accuracy.keys()
    near = tuple(each for each in vit.accuracy if each[0] == TILES)
    for part, choices, conditions in list_universes(near):
        for way in WAYS if shared.issuperset(conditions) else ():
            terms = {("vit",): vit.share(*conditions, way=way), ("cnn",): -cnn.share(*conditions, way=way)}
            yield choices | {"kept": way}, {part: terms}


def find_terms(vit: Kept, cnn: Kept) -> dict[str, Terms]:
    """I1 to I3: the share that is kept, ViT − CNN, of half of the patches, off the grid, and shuffled."""
    shared = {part: each for part, each in CLAIMED.items() if each in vit.accuracy and each in cnn.accuracy}
    return {part: {("vit",): vit.share(each), ("cnn",): -cnn.share(each)} for part, each in shared.items()}
