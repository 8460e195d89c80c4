"""Does the last attention of a ViT mark the object? Naseer et al. (2021), Fig. 8 and Table 4.

A head's map is what CLS attends to among the patches, in the last block. The patches of the largest weights that
together have 90 % of it are taken for the object, and are held against the pixels that show it by the Jaccard index,
|both| / |either|. Of the heads the best one counts, chosen on other images than it is judged by.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid, reading_map
from seelike.activations.forward import Reading
from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import THE_MODEL, InputError

MASS = 0.9


@dataclass(frozen=True)
class LastClsAttention:
    """Reads what CLS attends to in one attention of a ViT, among the patches after `n_prefix` other tokens."""

    name: str
    n_prefix: int

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{attention: (n, heads, patches)}."""
        return reading_map(model, self.name, partial(_of_cls, n_prefix=self.n_prefix))


def _of_cls(attention: torch.Tensor, n_prefix: int) -> torch.Tensor:
    return attention[:, :, 0, n_prefix:].clone()


def read_last_attention(architecture: Architecture, n_images: int) -> Features:
    """The maps of so many images, kept whole. Raises InputError for a model without CLS or accessible attention."""
    grid = architecture.grid
    if not architecture.has_cls:
        raise InputError(f"{THE_MODEL} must have a CLS token, whose attention segments the image")
    return Features(LastClsAttention(architecture.attentions[-1], grid.n_prefix), n_images)


def choose_patches(attention: torch.Tensor, mass: float = MASS) -> torch.Tensor:
    """The fewest patches, from the largest weight on, that have `mass` of a map: (…, patches), then bool."""
    weights, order = attention.double().sort(dim=-1, descending=True, stable=True)
    before = weights.cumsum(-1) - weights
    chosen = before < mass * weights.sum(-1, keepdim=True)
    return torch.zeros_like(chosen).scatter(-1, order, chosen)


def choose_above_mean(attention: torch.Tensor) -> torch.Tensor:
    """The patches that have more than an equal share of a map: (…, patches), then bool."""
    return attention > attention.mean(-1, keepdim=True)


# What else could be taken for the object, and for its map.
MARKED = {"0.9": choose_patches, "0.8": partial(choose_patches, mass=0.8), "0.95": partial(choose_patches, mass=0.95)}
MARKED["mean"] = choose_above_mean
HEADS = {"best": lambda attention: attention, "average": lambda attention: attention.mean(1, keepdim=True)}


def jaccard(patches: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The Jaccard index of chosen patches (n, heads, rows, columns) with pixels (n, height, width): (n, heads)."""
    grown = nn.functional.interpolate(patches.float(), masks.shape[-2:], mode="nearest") > 0
    both, either = (grown & masks[:, None]).sum((2, 3)), (grown | masks[:, None]).sum((2, 3))
    return both.double() / either.clamp_min(1)


@dataclass(frozen=True)
class Segments:
    """Mean Jaccard index by draw of images: of every head, (draws, heads), and of the whole image, (draws,)."""

    heads: np.ndarray
    everything: np.ndarray

    @classmethod
    def of(
        cls,
        found: dict[str, torch.Tensor],
        grid: Grid,
        masks: torch.Tensor,
        n_draws: int,
        marked: str = "0.9",
        heads: str = "best",
    ) -> "Segments":
        """From what `read_last_attention` kept, and the pixels of the object, (n, height, width) bool.

        Args:
            marked: which patches are taken for the object, one of `MARKED`.
            heads: whose maps, one of `HEADS`.
        """
        (attention,) = (HEADS[heads](each) for each in found.values())
        patches = MARKED[marked](attention).unflatten(2, (grid.rows, grid.columns))
        every = torch.ones_like(patches[:, :1])
        heads, everything = (_average(jaccard(chosen, masks), n_draws) for chosen in (patches, every))
        return cls(heads, everything[:, 0])

    def array(self) -> LabelledArray:
        """The labelled array for a result file: every head and, last, the whole image taken for the object."""
        labels = [*(f"head {head}" for head in range(self.heads.shape[1])), "whole image"]
        return LabelledArray({"chosen by": labels}, [*self.heads.mean(0), self.everything.mean()])

    def gains(self) -> np.ndarray:
        """I5: the replicates of the best head's index − that of the whole image, (draws + 1,).

        The head that is best on the draws of even number is judged by those of odd number, and the other way round.
        """
        return jackknife(len(self.heads), lambda chosen: self._judge(chosen) - self.everything[chosen].mean())

    def judge_best(self) -> float:
        """The best head's index, chosen and judged likewise."""
        return float(self._judge(np.arange(len(self.heads))))

    def _judge(self, chosen: np.ndarray) -> float:
        halves = [chosen[chosen % 2 == parity] for parity in (0, 1)]
        halves = halves if all(map(len, halves)) else [chosen, chosen]
        best = [self.heads[half].mean(0).argmax() for half in halves]
        judged = np.concatenate([self.heads[halves[1], best[0]], self.heads[halves[0], best[1]]])
        return judged.mean()


def _average(indices: torch.Tensor, n_draws: int) -> np.ndarray:
    return indices.unflatten(0, (n_draws, -1)).mean(1).numpy()
