"""Attention of scale tokens: shares by hand, which patches show ink, and a mean over minibatches that is one of all."""

import numpy as np
import pytest
import timm
import torch

from seelike.measures.features import Features
from seelike.measures.runner import Cast, feed
from seelike.measures.scale_attention import ReadScales, ScaleAttention, add_up, find_ink
from seelike.system.errors import InputError

ROLE = "duoformer"


@pytest.fixture(scope="module")
def model():
    return timm.create_model("duoformer_pocket_56", seed=0).eval()


@pytest.fixture(scope="module")
def images():
    """The first half of the rows of each is dark."""
    drawn = torch.rand(6, 3, 56, 56, generator=torch.Generator().manual_seed(0)) / 2 + 0.2
    drawn[:, :, :24] -= 1
    return drawn


def see(model, images, size: int) -> ScaleAttention:
    cast = Cast({ROLE: model})
    measure = cast.add(ROLE, ScaleAttention())
    feed(({ROLE: part} for part in images.split(size)), cast)
    return measure


def test_weights_are_added_up_by_scale():
    weights = torch.tensor([0.1, 0.2, 0.1, 0.1, 0.2, 0.3])
    torch.testing.assert_close(add_up(weights), torch.tensor([0.1, 0.2, 0.7]))
    assert add_up(torch.full((2, 22), 1 / 22)).tolist()[0] == pytest.approx([1 / 22, 1 / 22, 4 / 22, 16 / 22])
    assert add_up(torch.ones(3, 1)).shape == (3, 1)


def test_ink_is_what_is_darker_than_the_middle_anywhere_in_a_patch():
    images = torch.full((2, 3, 16, 24), 0.5)
    images[0, :, 9, 23] = -0.1
    images[1, 0, 0, 0] = -0.1  # of one colour alone: the mean over colours is above the middle
    assert find_ink(images, 6).tolist() == [[False] * 5 + [True], [False] * 6]


def test_shares_are_means_over_patches_of_a_kind_one_by_one(model, images):
    found, by_hand = see(model, images, 6).result(), model.weigh_scales(images)
    assert list(map(len, found.axes.values())) == [2, 4, 2, 3]
    for block in range(2):
        for kind, patches in enumerate((slice(0, 21), slice(21, 49))):
            own = by_hand[block][:, patches].double()
            fine = own[..., 2:].sum(-1).mean((0, 1))
            np.testing.assert_allclose(found.values[block, :, kind, 2], fine, atol=1e-5)
    np.testing.assert_allclose(found.values.sum(-1), 1, atol=1e-5)


def test_minibatches_and_shards_make_no_difference_and_images_do(model, images):
    whole = see(model, images, 6)
    shares = see(model, images[:4], 2), see(model, images[4:], 2)
    shares[0].merge(shares[1])
    np.testing.assert_allclose(shares[0].result().values, whole.result().values, atol=1e-6)
    assert not np.allclose(see(model, images[:1], 1).result().values, whole.result().values, atol=1e-6)


def test_of_a_kind_that_no_patch_is_of_nothing_is_known(model, images):
    values = see(model, images.abs(), 6).result().values
    assert np.isnan(values[:, :, 0]).all() and np.isfinite(values[:, :, 1]).all()
    with pytest.raises(InputError, match="at least one full minibatch|at least one minibatch"):
        ScaleAttention().result()


def test_reading_leaves_the_model_as_it_was(model, images):
    cast = Cast({ROLE: model})
    kept = cast.add(ROLE, Features(ReadScales(), 6))
    found = feed([{ROLE: images}], cast)[kept]
    torch.testing.assert_close(found[0], model.weigh_scales(images)[0])
    assert not any(block._forward_pre_hooks for block in model.scale_blocks)
