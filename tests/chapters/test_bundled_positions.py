"""P6 of every bundled ViT, from weights alone: as of the models themselves, and of none without embeddings."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.attention import Grid
from seelike.chapters.bundled_positions import find_shares
from seelike.measures.position_similarity import find_similarity
from seelike.models import bundled
from seelike.models.recipes import MIXER, RESNET, VIT


@pytest.fixture(scope="module")
def shares():
    return find_shares()["neighbour_share_bundled"]


@pytest.mark.parametrize(
    ("family", "name", "training", "side", "n_prefix"),
    [("shapes", f"{VIT}.shapes_seed1", 1, 7, 1), ("cifar10", "vit_pocket_patch4_gap_32.cifar10", 0, 8, 0)],
)
def test_shares_are_those_of_the_models_themselves(shares, family, name, training, side, n_prefix):
    found, own = shares[family], timm.create_model(name, pretrained=True)
    row = found.axes["model"].index(name.removesuffix("_seed1"))
    known = find_similarity(own, Grid(side, side, 1, 1, n_prefix)).shares.mean()
    assert found.values[row, training] == pytest.approx(known)


def test_all_trainings_with_position_embeddings_are_there_and_no_others(shares):
    for family, found in shares.items():
        names = found.axes["model"]
        assert all(name.startswith("vit_") and family in name and "_seed" not in name for name in names)
        assert not any(design in name for name in names for design in (RESNET, MIXER, "pocket9"))
        with_embeddings = [
            name for name in bundled.NAMES
            if f".{family}" in name and isinstance(getattr(timm.create_model(name), "pos_embed", None), torch.Tensor)
        ]  # fmt: skip
        assert np.isfinite(found.values).sum() == len(with_embeddings)
    assert np.isfinite(shares["shapes"].values[0]).all()
