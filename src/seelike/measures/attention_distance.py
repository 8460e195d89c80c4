"""Section 5 of the paper: how far do attention heads look?

A head's mean attention distance is the distance in pixels between the centres of the querying and the attended
patch, weighted by attention, averaged over queries and images (Figs 3, 4). CLS and register tokens have no position:
they are left out as queries and as keys, and each row is scaled to sum to 1 over the patches again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid, reading_maps, rows_sum_to_one
from seelike.activations.forward import Reading
from seelike.measures.intervals import Terms, jackknife
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import InputError

OUTER = 2  # blocks at either end, as in the paper's Figure 3


def mean_distance(attention: torch.Tensor, grid: Grid, rescaled: bool = True) -> torch.Tensor:
    """Mean attention distance of each head, in pixels.

    Args:
        attention: (images, heads, queries, keys) with rows that sum to 1, tokens as `grid` says.
        rescaled: whether each row is scaled to sum to 1 over the patches; else attention to other tokens has no
            distance.

    Returns:
        (heads,) float64, averaged over images and spatial queries; a row's sum over keys is float32's.

    Raises InputError if the rows do not sum to 1, or the tokens are not those of the grid.
    """
    if attention.shape[-2:] != (grid.n_tokens, grid.n_tokens):
        raise InputError(f"attention must be among {grid.n_tokens} tokens, not of shape {tuple(attention.shape)}")
    if not rows_sum_to_one(attention):
        raise InputError("the rows of an attention map must sum to 1")
    apart, found = grid.distances().to(attention.device, torch.float32), []
    for spatial in attention[..., grid.n_prefix :, grid.n_prefix :]:  # one image at a time stays in the cache
        spatial = spatial.float()
        far, mass = (spatial * apart).sum(-1).double(), spatial.sum(-1).double()
        found.append(far / mass.clamp_min(torch.finfo(torch.float32).tiny) if rescaled else far)
    return torch.stack(found).mean((0, 2))


def measure_distances(model: nn.Module, minibatches: Iterable[torch.Tensor]) -> "AttentionDistance":
    """Pass the images once through a ViT and measure every head.

    Raises InputError if the model's attention is not among all patches.
    """
    return feed_one(model, minibatches, Distances)


@dataclass(frozen=True)
class HeadDistances:
    """Reads the mean distance of each attention's heads, with tokens as `grid` says."""

    grid: Grid
    rescaled: bool = True

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{attention: (heads,)}, pixels."""
        return reading_maps(model, partial(mean_distance, grid=self.grid, rescaled=self.rescaled))


class Distances:
    """Accumulator of mean distances, one array a minibatch. Raises InputError for a model without a grid of patches."""

    def __init__(self, architecture: Architecture, rescaled: bool = True):
        self.read = HeadDistances(architecture.grid, rescaled)
        self.minibatches: list[dict[str, np.ndarray]] = []

    def update(self, found: dict[str, torch.Tensor]) -> None:
        """Add one minibatch."""
        self.minibatches.append({name: distance.cpu().numpy() for name, distance in found.items()})

    def merge(self, *others: "Distances") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "AttentionDistance":
        """Of every head; raises InputError before the first minibatch."""
        found = self.minibatches
        if not found:
            raise InputError("attention distance needs at least one full minibatch of images")
        names = tuple(found[0])
        return AttentionDistance(names, self.read.grid, np.array([[batch[name] for name in names] for batch in found]))


@dataclass(frozen=True)
class AttentionDistance:
    """Mean attention distance in pixels; `minibatches` is (minibatches, blocks, heads)."""

    blocks: tuple[str, ...]
    grid: Grid
    minibatches: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """(blocks, heads), pixels."""
        return self.minibatches.mean(0)

    @property
    def uniform(self) -> float:
        """The distance of a head that attends to all patches alike, in pixels."""
        return float(self.grid.distances().mean())

    @property
    def shares(self) -> np.ndarray:
        """(minibatches, blocks, heads), in units of the uniform distance."""
        return self.minibatches / self.uniform

    def replicates(self, effect: Callable[[np.ndarray], float]) -> np.ndarray:
        """Those of `effect`, a function of the `shares` of some minibatches, over minibatches: (minibatches + 1,)."""
        shares = self.shares
        return jackknife(len(shares), lambda chosen: effect(shares[chosen]))

    def array(self) -> LabelledArray:
        """The labelled array for a result file, heads in the model's own order."""
        heads = [f"head {head}" for head in range(self.values.shape[1])]
        blocks = [name.removesuffix(".attn") for name in self.blocks]
        return LabelledArray({"block": blocks, "head": heads}, self.values, units="px", uniform=self.uniform)


def find_terms(models: dict[str, AttentionDistance], ends: int = OUTER) -> dict[str, Terms]:
    """A1, and A2 where there is a model of little data, over minibatches, the same for both.

    Args:
        models: {"vit": …}, or {"vit": …, "vit_low_data": …}.
        ends: how many blocks are the first ones, and the last.
    """
    vit, low_data = models["vit"], models.get("vit_low_data")
    effects = {"A1a": most_local_low, "A1b": most_global_low, "A1c": most_local_high}
    effects = {part: partial(effect, ends=ends) for part, effect in effects.items()}
    found: dict[str, Terms] = {part: {("vit",): vit.replicates(effect)} for part, effect in effects.items()}
    if low_data is not None:
        little, much = (each.replicates(effects["A1a"]) for each in (low_data, vit))
        found["A2a"] = {("vit_low_data",): little, ("vit",): -much}
        found["A2b"] = {("vit_low_data",): little}
    return found


def most_local_low(minibatches: np.ndarray, ends: int = OUTER) -> float:
    """A1a, A2a, A2b: distance of the most local head in the first two blocks, of (minibatches, blocks, heads)."""
    return float(minibatches.mean(0)[:ends].min())


def most_global_low(minibatches: np.ndarray, ends: int = OUTER) -> float:
    """A1b: distance of the most global head in the same two."""
    return float(minibatches.mean(0)[:ends].max())


def most_local_high(minibatches: np.ndarray, ends: int = OUTER) -> float:
    """A1c: distance of the most local head in the last two blocks."""
    return float(minibatches.mean(0)[-ends:].min())
