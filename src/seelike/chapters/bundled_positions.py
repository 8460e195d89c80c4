"""P6 of every bundled ViT: whether its position embeddings know their neighbours, from the shipped weights alone."""

import numpy as np
import torch
from safetensors import safe_open

from seelike.activations.attention import Grid
from seelike.measures.position_similarity import compare_embeddings
from seelike.models import bundled
from seelike.models.recipes import FAMILIES, Family, find_seeds
from seelike.results.labelled_array import LabelledArray, Measures

EMBEDDINGS = "pos_embed"


def find_shares() -> Measures:
    """`neighbour_share_bundled`: by family, of every ViT and its trainings the share of neighbours beyond chance.

    (models, trainings), NaN where a model has fewer trainings than others.
    """
    return {"neighbour_share_bundled": {tag: _find_shares(family) for tag, family in FAMILIES.items()}}


def _find_shares(family: Family) -> LabelledArray:
    first = [name for name in (*family.recipes(), *family.early()) if "_seed" not in name]
    found = {name: _find_shares_of_trainings(name, family) for name in first}
    found = {name: shares for name, shares in found.items() if shares}
    most = max(map(len, found.values()), default=0)
    padded = [shares + [np.nan] * (most - len(shares)) for shares in found.values()]
    return LabelledArray({"model": found, "training": range(1, 1 + most)}, np.reshape(padded, (len(found), most)))


def _find_shares_of_trainings(name: str, family: Family) -> list[float]:
    """Of those that have weights, and in these embeddings of positions."""
    read = (_read_embeddings(each) for each in find_seeds(name) if each in bundled.NAMES)
    side = family.image_size // family.patch_size
    return [_find_share(tokens, side, family.patch_size) for tokens in read if tokens is not None]


def _read_embeddings(name: str) -> torch.Tensor | None:
    """(tokens, dimensions)."""
    file = bundled.WEIGHTS / f"{name}.safetensors"
    bundled.check_weights(file)
    with safe_open(file, "pt") as weights:
        return weights.get_tensor(EMBEDDINGS)[0].double() if EMBEDDINGS in set(weights.keys()) else None


def _find_share(tokens: torch.Tensor, side: int, patch: int) -> float:
    own = tokens[-side * side :]
    grid = Grid(side, side, patch, patch, len(tokens) - len(own))
    return float(compare_embeddings(own, grid).shares.mean())
