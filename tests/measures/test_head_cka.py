"""Heads against low CNN layers: subsets in order, a rank correlation by hand, copies found."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.attention import read_heads
from seelike.activations.flattened import stream
from seelike.measures.cka import CKA, gram, normalize
from seelike.measures.head_cka import Heads, choose_subsets, rank_correlation
from seelike.measures.runner import assemble, feed
from seelike.system.errors import Degenerate, InputError


def compare_heads(models, minibatches, distances):
    (cast,), shown = assemble([models], [dict.fromkeys(models, images) for images in minibatches])
    heads = Heads(cast)
    return heads.gather(feed(shown, cast), distances)


def images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def test_subsets_go_from_local_to_global():
    assert choose_subsets(np.array([3.0, 1, 2, 4])) == [[1], [2], [0], [3]]
    assert choose_subsets(np.arange(6.0)[::-1]) == [[5, 4], [4, 3], [3, 2], [2, 1], [1, 0]]
    assert choose_subsets(np.array([1.0])) == [[0]]


def test_rank_correlation_by_hand():
    distances = np.array([1.0, 2, 3])
    falling, rising = np.array([[0.9], [0.5], [0.1]]), np.array([[0.1], [0.5], [0.9]])
    assert rank_correlation(distances, falling) == pytest.approx(-1)
    assert rank_correlation(distances, rising) == pytest.approx(1)
    assert rank_correlation(distances, np.array([[0.9], [0.1], [0.5]])) == pytest.approx(-0.5)
    assert np.isnan(rank_correlation(distances, np.ones((3, 1))))
    assert np.isnan(rank_correlation(distances[:2], falling[:2]))


def test_measures_every_subset_against_the_lowest_third():
    models = {
        role: timm.create_model(name).eval()
        for role, name in (("vit", "vit_pocket_patch8_56"), ("cnn", "resnet_pocket"))
    }
    x = torch.randn(40, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    found = compare_heads(models, x.split(8), np.array([4.0, 1, 2, 3]))
    assert found.values.shape == (4, 3)
    arrays = found.arrays()
    assert arrays["head_cka"]["vit_cnn"].axes["heads"] == ["heads 1", "heads 2", "heads 3", "heads 0"]
    assert arrays["head_distance"]["vit"].values.tolist() == [1, 2, 3, 4]
    estimate = found.estimates(0)["A3"]
    assert -1 <= estimate.low <= estimate.effect <= estimate.high <= 1
    same = {"vit": models["vit"], "cnn": models["vit"]}
    with pytest.raises(InputError, match="distances must be of the 4 heads"):
        compare_heads(same, [x[:8]], np.ones(3))


def test_subsets_of_heads_are_sums_of_their_heads():
    """HSIC₁ of two heads side by side, from single heads, against the Gram matrix of both outputs in one."""
    vit = timm.create_model(
        "vit_tiny_patch16_224", img_size=56, patch_size=8, embed_dim=24, num_heads=6, depth=2
    ).eval()
    models, x = {"vit": vit, "cnn": timm.create_model("resnet_pocket").eval()}, images(12)
    found = compare_heads(models, x.split(12), np.arange(6.0))
    assert found.similarity.layers[:2] == ("heads 0+1", "heads 1+2")
    slow, outputs = CKA(), read_heads(vit, x, "blocks.0.attn")
    (low,) = stream(models["cnn"], [x], list(found.similarity.layers[5:]), gram)
    slow.update({f"heads {i}+{i + 1}": gram(outputs[:, [i, i + 1]].flatten(1)) for i in range(5)} | low)
    assert found.similarity.layers == slow.layers
    np.testing.assert_allclose(normalize(found.similarity.hsic[0]), slow.result().values, atol=1e-5)


def test_heads_that_are_the_same_for_every_image_are_refused():
    vit = timm.create_model("vit_pocket_patch8_56").eval()
    vit.blocks[0].attn.proj.register_forward_pre_hook(lambda _, inputs: torch.ones_like(inputs[0]), prepend=True)
    models = {"vit": vit, "cnn": timm.create_model("resnet_pocket").eval()}
    with pytest.raises(Degenerate, match="heads of the first block are the same for every image"):
        compare_heads(models, [images()], np.ones(4))
