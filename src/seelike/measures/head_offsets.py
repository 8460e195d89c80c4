"""Does a trained head look at one offset, as a convolution's heads do? (around Cordonnier et al. 2020, Li et al. 2021)

Of each head and each offset between patches: the attention that a patch pays to the one at that offset, averaged over
images and over the patches for which there is one. 1 is a head that computes a part of a convolution; a head that
attends uniformly has 1 / patches at every offset. Offsets reach up to half of the grid, so that many patches have each.
CLS and register tokens are left out, and each row is scaled to sum to 1 over the patches again.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid, reading_maps
from seelike.activations.forward import Reading
from seelike.measures.conv_attention import Offset, relative
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import InputError


def list_offsets(grid: Grid) -> tuple[Offset, ...]:
    """Those of up to half of the grid, row by row."""
    down, right = (range(-(n // 2), n // 2 + 1) for n in (grid.rows, grid.columns))
    return tuple(product(down, right))


def mean_by_offset(attention: torch.Tensor, grid: Grid) -> torch.Tensor:
    """(images, heads, queries, keys), tokens as `grid` says → (heads, offsets), mean attention to each offset."""
    spatial = attention[..., grid.n_prefix :, grid.n_prefix :].float()
    rows = (spatial / spatial.sum(-1, keepdim=True)).mean(0)
    chosen = relative(list_offsets(grid), grid.rows, grid.columns).to(rows)
    return torch.einsum("hqk,oqk->ho", rows, chosen) / chosen.sum((1, 2))


@dataclass(frozen=True)
class ByOffset:
    """Reads the mean attention of each attention's heads by offset, with tokens as `grid` says."""

    grid: Grid

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{attention: (heads, offsets)}."""
        return reading_maps(model, partial(mean_by_offset, grid=self.grid))


class Offsets:
    """Accumulator of attention by offset, one array a minibatch. Raises InputError for a model without such a grid."""

    def __init__(self, architecture: Architecture):
        self.read = ByOffset(architecture.grid)
        self.minibatches: list[dict[str, np.ndarray]] = []

    def update(self, found: dict[str, torch.Tensor]) -> None:
        """Add one minibatch."""
        self.minibatches.append({name: share.double().cpu().numpy() for name, share in found.items()})

    def merge(self, *others: "Offsets") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "HeadOffsets":
        """Of every head; raises InputError before the first minibatch."""
        if not self.minibatches:
            raise InputError("attention by offset needs at least one full minibatch of images")
        names = tuple(self.minibatches[0])
        means = [np.mean([batch[name] for batch in self.minibatches], axis=0) for name in names]
        return HeadOffsets(names, self.read.grid, np.array(means))


@dataclass(frozen=True)
class HeadOffsets:
    """Mean attention by offset, (blocks, heads, offsets)."""

    blocks: tuple[str, ...]
    grid: Grid
    shares: np.ndarray

    def share_array(self) -> LabelledArray:
        """(blocks, heads): the attention of each head to its best offset, beside that of uniform attention."""
        return self._label(self.shares.max(-1))

    def distance_array(self) -> LabelledArray:
        """(blocks, heads): how many patches away that is, along the axis on which it is more; 0 is the own patch."""
        far = np.abs(list_offsets(self.grid)).max(1)
        return self._label(far[self.shares.argmax(-1)])

    def _label(self, values: np.ndarray) -> LabelledArray:
        heads = [f"head {head}" for head in range(values.shape[1])]
        blocks = [name.removesuffix(".attn") for name in self.blocks]
        return LabelledArray({"block": blocks, "head": heads}, values, uniform=1 / (self.grid.rows * self.grid.columns))
