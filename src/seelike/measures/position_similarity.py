"""How alike a ViT's position embeddings are, and whether neighbours are most alike (around Jelassi et al. 2022).

Similarity is the cosine of two position embeddings, after their mean over all positions, which none of them tells from
another, is taken away.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from seelike.activations.attention import Grid
from seelike.measures.intervals import jackknife
from seelike.measures.patch_association import associate
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import THE_MODEL, InputError


def find_similarity(model: nn.Module, grid: Grid, centred: bool = True) -> "PositionSimilarity":
    """Of the patches of a model's grid. Raises InputError for a model without an embedding for each of them.

    Args:
        centred: whether the mean is taken away.
    """
    found, n_patches = getattr(model, "pos_embed", None), grid.rows * grid.columns
    if not isinstance(found, torch.Tensor) or found.ndim not in (3, 4):
        raise InputError(f"{THE_MODEL} must have position embeddings, such as DeiT; {type(model).__name__} has none")
    tokens = found.detach().double().cpu().reshape(-1, found.shape[-1])
    if len(tokens) not in (n_patches, grid.n_tokens):
        raise InputError(f"{THE_MODEL} must have an embedding for each of {n_patches} positions, not {len(tokens)}")
    return compare_embeddings(tokens[-n_patches:], grid, centred)


def compare_embeddings(embeddings: torch.Tensor, grid: Grid, centred: bool = True) -> "PositionSimilarity":
    """Of the patches' own embeddings, (patches, dimensions)."""
    unit = functional.normalize(embeddings - embeddings.mean(0) if centred else embeddings, dim=1)
    return PositionSimilarity(grid, (unit @ unit.T).numpy())


def are_neighbours(grid: Grid, most: int = 8) -> torch.Tensor:
    """(patches, patches): whether the second is among the eight around the first, or the four beside it, or is it."""
    down, right = torch.meshgrid(torch.arange(grid.rows), torch.arange(grid.columns), indexing="ij")
    places = torch.stack([down.flatten(), right.flatten()], 1)
    away = (places[:, None] - places).abs()
    return (away.amax(-1) if most == 8 else away.sum(-1)) <= 1


@dataclass(frozen=True)
class PositionSimilarity:
    """`values` (patches, patches), row by row of the grid."""

    grid: Grid
    values: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """P6: (patches,), as `associate` gives them, of neighbours among the most similar."""
        return self._find_shares(8)

    def _find_shares(self, most: int) -> np.ndarray:
        return associate(torch.from_numpy(self.values), are_neighbours(self.grid, most)).numpy()

    def replicates(self, most: int = 8) -> np.ndarray:
        """The mean of the same over patches, with eight neighbours or four."""
        shares = self._find_shares(most)
        return jackknife(len(shares), lambda chosen: shares[chosen].mean())

    def array(self) -> LabelledArray:
        """(patches, patches), patches named by row and column."""
        names = [f"{row}, {column}" for row in range(self.grid.rows) for column in range(self.grid.columns)]
        return LabelledArray({"patch": names, "other": names}, self.values)
