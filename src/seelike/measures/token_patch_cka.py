"""Section 7 of the paper: does a token still tell where it stands? CKA of single tokens with single input patches.

A block's tokens lie on a grid of rows × columns (`seelike.activations.tokens`). The input, as the model receives it, is
cut into as many windows: rows ⌊i·height/rows⌋ to ⌈(i+1)·height/rows⌉ (the end not included), columns likewise; windows
overlap by a line where the sizes do not divide evenly. A **patch** is one window's pixels in all colours. The CKA of a
token with a patch compares, over images, the token's channels with the patch's pixels (Figs 9, 10, D.1–D.3): minibatch
CKA with HSIC₁, as in `seelike.measures.cka`, sums over minibatches and one division. All blocks of a model are compared
with the patches of its last block's grid.

Models may have different grids, and small windows resemble their neighbours more than large ones do. Where models are
compared with each other (L1, L3, L4), they are measured on **common windows**: those of the coarsest grid, to which the
others' tokens are averaged as a CNN's larger maps are. The alternative, each score as a share of what the pixels would
give on the model's own grid, would take away the overall level of resemblance, but not how it falls with distance.

A token or patch that is the same for all images of a minibatch adds nothing to the sums; one that is so in every
minibatch has no CKA: NaN, left out of every mean below.

Definitions, on the CKA of one block, (tokens, patches), both counted row by row:

- **edge**: the outer ring of the grid; **interior**: the rest.
- **localization score**: mean over interior tokens of (CKA with the own patch − mean CKA with the other interior
  patches). Tokens that are all alike score 0, whichever patches they resemble; against patches of the edge, too, they
  would score whatever sets the middle of the images apart. Only in a grid of 3×3, which has one interior token, is that
  one held against the patches of the edge.
- **edge score**: mean over edge tokens of (mean CKA with the other edge patches − mean CKA with the interior patches).

Tokens that hold the pixels of their own patch and nothing else have both scores, too, from the CKA of patches with one
another: what the images give without a model.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.tokens import Blocks, Tokens
from seelike.measures.cka import token_grams
from seelike.measures.intervals import Terms, jackknife
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import THE_MODEL, InputError

ALL = slice(None)
LAST = -1
PATCHES = "patches"  # among the blocks of what is read


def compare_with_patches(model: nn.Module, minibatches: Iterable[torch.Tensor]) -> "TokenPatch":
    """Pass the images once through a model and compare the tokens of every block with the patches of the input.

    Raises InputError if a block's output has no positions or the grid has no interior.
    """
    return feed_one(model, minibatches, Products)


@dataclass(frozen=True)
class PatchProducts:
    """Reads the inner products of the tokens of some blocks with the patches of the images."""

    blocks: Blocks
    n_parts: int = 1

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[str, list]]:
        """Of each part of the minibatch {block: (tokens, patches) and of each token with itself (tokens,);
        `PATCHES`: (patches, patches)}."""
        size = len(images) // self.n_parts
        parts = [slice(start, start + size) for start in range(0, self.n_parts * size, size)]
        patches = [patch_grams(images[part], *self.blocks.grid) for part in parts]

        def compare(tokens: Tokens) -> list[tuple[np.ndarray, np.ndarray]]:
            return [_compare(own, tokens.grid[part]) for part, own in zip(parts, patches, strict=True)]

        with self.blocks.reading(model, images, compare) as found:
            yield found
        found[PATCHES] = [(own @ own.T).cpu().numpy() for own in patches]


class Products:
    """Accumulator of inner products of tokens and patches, three arrays a minibatch, whatever its size.

    Args:
        grid: rows and columns that the tokens are averaged to; by default those of the last block.
        n_parts: how many minibatches each is taken as; images left over are dropped.

    Raises InputError for a model whose blocks have no positions, or whose grid has no interior.
    """

    def __init__(self, architecture: Architecture, grid: tuple[int, int] | None = None, n_parts: int = 1):
        own = _find_blocks(architecture)
        rows, columns = grid or own.grid
        self.blocks = replace(own, rows=rows, columns=columns)
        self.read = PatchProducts(self.blocks, n_parts)
        self.minibatches: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def update(self, found: dict[str, list]) -> None:
        """Add one minibatch."""
        of_blocks = zip(*(found[name] for name in self.blocks.names), strict=True)
        for blocks, patches in zip(of_blocks, found[PATCHES], strict=True):
            cross, tokens = zip(*blocks, strict=True)
            self.minibatches.append((np.array(cross), np.array(tokens), patches))

    def merge(self, *others: "Products") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "TokenPatch":
        """Of every block; raises InputError before the first minibatch."""
        if not self.minibatches:
            raise InputError("token–patch CKA needs at least one full minibatch of images")
        return TokenPatch(self.blocks, *(np.array(part) for part in zip(*self.minibatches, strict=True)))


def _compare(patches: torch.Tensor, grid: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The inner products of tokens with patches, (tokens, patches), and with themselves, (tokens,).

    Of tokens (n, rows, columns, channels).
    """
    grams = token_grams(grid.flatten(1, 2).transpose(0, 1))
    return (grams @ patches.T).cpu().numpy(), grams.square().sum(1).cpu().numpy()


@dataclass(frozen=True)
class TokenPatch:
    """HSIC₁, up to a factor that is common to all, of every minibatch; tokens and patches row by row.

    `cross` is (minibatches, blocks, tokens, patches), `tokens` (minibatches, blocks, tokens) of each with itself, and
    `patches` (minibatches, patches, patches) of patches with each other. With `everywhere` a token's own patch is held
    against all others, also those of the edge.
    """

    blocks: Blocks
    cross: np.ndarray
    tokens: np.ndarray
    patches: np.ndarray
    everywhere: bool = False

    def cka(self, minibatches: np.ndarray | slice = ALL, block: int | slice = ALL) -> np.ndarray:
        """(blocks, tokens, patches), or of one block (tokens, patches); NaN where a token or a patch never varies."""
        patches = np.diagonal(self.patches, axis1=1, axis2=2)
        parts = self.cross[:, block], self.tokens[:, block], patches
        return _normalize(*(part[minibatches].sum(0) for part in parts))

    def pixel_cka(self, minibatches: np.ndarray | slice = ALL) -> np.ndarray:
        """(patches, patches): what tokens that hold nothing but the pixels of their own patch would give."""
        hsic = self.patches[minibatches].sum(0)
        return _normalize(hsic, np.diag(hsic), np.diag(hsic))

    def scores(self, minibatches: np.ndarray | slice = ALL, block: int | slice = ALL) -> np.ndarray:
        """(blocks,): the localization score of each, or of one block alone."""
        return localization_score(self.cka(minibatches, block), *self.blocks.grid, self.everywhere)

    def replicates(self, effect: Callable[["TokenPatch", np.ndarray], float]) -> np.ndarray:
        """Those over minibatches, (minibatches + 1,), of an effect of this and of the numbers of some minibatches."""
        return jackknife(len(self.cross), partial(effect, self))

    def score_array(self) -> LabelledArray:
        """The labelled array of localization scores for a result file."""
        return LabelledArray({"layer": self.blocks.names}, self.scores())

    def edge_array(self) -> LabelledArray:
        """The labelled array of edge scores for a result file: of tokens that are the pixels, then of the blocks."""
        stacked = np.concatenate([self.pixel_cka()[None], self.cka()])
        axes = {"layer": ["pixels", *self.blocks.names]}
        return LabelledArray(axes, edge_score(stacked, *self.blocks.grid))

    def array(self) -> LabelledArray:
        """The labelled array for a result file: a lower, a middle and the last block; a corner, an edge and an
        interior token, "row,column" each; all patches, y × x."""
        rows, columns, names = self.blocks.rows, self.blocks.columns, self.blocks.names
        chosen = [(0, 0), (0, columns // 2), (rows // 3, columns // 3)]
        blocks = sorted({len(names) // 4, len(names) // 2, len(names) - 1})
        maps = self.cka()[blocks][:, [y * columns + x for y, x in chosen]]
        axes = {"layer": [names[block] for block in blocks], "token": [f"{y},{x}" for y, x in chosen]}
        axes |= {"y": range(rows), "x": range(columns)}
        return LabelledArray(axes, maps.reshape(len(blocks), len(chosen), rows, columns))


def patch_grams(images: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """The centred Gram matrices of all patches of images (n, colours, height, width): (patches, n²) float64."""
    cuts = [[(i * side // n, -(-(i + 1) * side // n)) for i in range(n)]
            for side, n in zip(images.shape[-2:], (rows, columns), strict=True)]  # fmt: skip
    windows = [images[:, :, top:bottom, left:right] for top, bottom in cuts[0] for left, right in cuts[1]]
    return torch.cat([token_grams(window.flatten(1)[None]) for window in windows])


def localization_score(cka: np.ndarray, rows: int, columns: int, everywhere: bool = False) -> np.ndarray:
    """Of the CKA (…, tokens, patches), as defined above; one for each of the leading axes.

    With `everywhere` the other patches are those of the edge, too.
    """
    interior = ~find_edge(rows, columns)
    others = ~np.eye(rows * columns, dtype=bool) & (interior if interior.sum() > 1 and not everywhere else True)
    ahead = np.diagonal(cka, axis1=-2, axis2=-1) - _mean(cka, others)
    return _mean(ahead, interior)


def edge_score(cka: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Of the CKA (…, tokens, patches), as defined above; one for each of the leading axes."""
    others, edge = ~np.eye(rows * columns, dtype=bool), find_edge(rows, columns)
    return _mean(_mean(cka, others & edge) - _mean(cka, ~edge), edge)


def find_edge(rows: int, columns: int) -> np.ndarray:
    """(positions,) bool: the outer ring of a grid."""
    y, x = np.indices((rows, columns)).reshape(2, -1)
    return (y == 0) | (y == rows - 1) | (x == 0) | (x == columns - 1)


@dataclass(frozen=True)
class Comparison:
    """What was found of the models of one run.

    `own` is {"vit": …, "cnn": …} and perhaps "vit_gap", each on the grid of its own last block; `common` the same on
    common windows. `n_units` is how many blocks the CNN's last stage has, 0 where it has no stages.
    """

    own: dict[str, TokenPatch]
    common: dict[str, TokenPatch]
    n_units: int

    def vary(self, common: bool = True, everywhere: bool = False) -> "Comparison":
        """The same on common windows or each model's own, held against patches of the interior or of everywhere."""
        own, others = (
            {role: replace(each, everywhere=everywhere) for role, each in of.items()}
            for of in (self.own, self.common if common else self.own)
        )
        return replace(self, own=own, common=others)

    def terms(self) -> dict[str, Terms]:
        """L1, L2; L3 with a GAP model; L4 if the last stage has earlier units; L7 if the ViT has two blocks or more."""
        return self._compare_models() | self._compare_units() | _look_at_vit(self.own["vit"])

    def _compare_models(self) -> dict[str, Terms]:
        vit, cnn = self.common["vit"], self.common["cnn"]
        found = {"L1b": {("vit",): vit.replicates(pixel_share), ("cnn",): -cnn.replicates(pixel_share)}}
        if "vit_gap" in self.common:
            gap = self.common["vit_gap"]
            found["L3"] = {("vit",): vit.replicates(last_score), ("vit_gap",): -gap.replicates(last_score)}
        return found

    def _compare_units(self) -> dict[str, Terms]:
        if self.n_units < 2:
            return {}
        earlier, cnn = partial(earlier_units_score, n_units=self.n_units), self.own["cnn"]
        of_vit, of_cnn = self.common["vit"].replicates(last_score), self.common["cnn"].replicates(earlier)
        return {
            "L4a": {("cnn",): cnn.replicates(earlier) - cnn.replicates(last_score)},
            "L4b": {("vit",): of_vit, ("cnn",): -of_cnn},
        }


def _look_at_vit(vit: TokenPatch) -> dict[str, Terms]:
    last = vit.replicates(last_score)
    found = {"L1a": {("vit",): last}, "L2": {("vit",): vit.replicates(edge_excess)}}
    if len(vit.blocks.names) > 1:
        penultimate = vit.replicates(penultimate_score)
        found |= {"L7a": {("vit",): penultimate}, "L7b": {("vit",): penultimate - last}}
    return found


def last_score(found: TokenPatch, minibatches: np.ndarray) -> float:
    """L1a, and one side of L3, L4 and L7b: the localization score of the last block."""
    return found.scores(minibatches, LAST)


def pixel_share(found: TokenPatch, minibatches: np.ndarray) -> float:
    """One side of L1b: the same as a share of what tokens that are the pixels score; NaN where that is not above 0."""
    pixels = localization_score(found.pixel_cka(minibatches), *found.blocks.grid, found.everywhere)
    return last_score(found, minibatches) / pixels if pixels > 0 else np.nan


def edge_excess(found: TokenPatch, minibatches: np.ndarray) -> float:
    """L2: the edge score of the last block − that of tokens that are the pixels."""
    of_tokens, of_pixels = found.cka(minibatches, LAST), found.pixel_cka(minibatches)
    return edge_score(of_tokens, *found.blocks.grid) - edge_score(of_pixels, *found.blocks.grid)


def earlier_units_score(found: TokenPatch, minibatches: np.ndarray, n_units: int) -> float:
    """One side of L4: the mean localization score of the blocks before the last among its last `n_units` blocks."""
    return found.scores(minibatches, slice(-n_units, LAST)).mean()


def penultimate_score(found: TokenPatch, minibatches: np.ndarray) -> float:
    """L7a, and one side of L7b: the localization score of the block before the last."""
    return found.scores(minibatches, -2)


def find_common_grid(blocks: Iterable[Blocks]) -> tuple[int, int]:
    """Rows and columns of the common windows of several models: as few as any of them has."""
    rows, columns = zip(*(each.grid for each in blocks), strict=True)
    return min(rows), min(columns)


def _find_blocks(architecture: Architecture) -> Blocks:
    blocks = architecture.blocks()
    if min(blocks.grid) < 3:
        raise InputError(
            f"{THE_MODEL} must have 3×3 positions or more in its last block, so that some are not at the edge, not "
            f"{blocks.rows}×{blocks.columns}: choose another model or a larger image_size"
        )
    return blocks


def _normalize(cross: np.ndarray, tokens: np.ndarray, patches: np.ndarray) -> np.ndarray:
    scale = np.sqrt(tokens[..., :, None] * patches)
    return np.divide(cross, scale, out=np.full_like(cross, np.nan), where=scale > 0)


def _mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen of the last axis, without NaN; NaN where nothing is left."""
    known = ~np.isnan(values) & chosen
    sums, counts = np.where(known, values, 0).sum(-1), known.sum(-1)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
