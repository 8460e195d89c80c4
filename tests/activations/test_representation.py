"""What represents an image in a layer where models and layers without a CLS token stand beside those with one."""

import pytest
import timm
import torch

from seelike.activations.representation import pool, take_cls

IMAGES = torch.randn(3, 3, 56, 56, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes")


def test_pooled_is_the_mean_over_patches_and_what_is_pooled_already_stays(vit):
    tokens = torch.randn(3, 50, 4)
    assert torch.equal(pool(vit, IMAGES)("blocks.0", tokens), tokens[:, 1:].unflatten(1, (7, 7)).mean((1, 2)))
    assert torch.equal(pool(vit, IMAGES)("fc_norm", tokens[:, 0]), tokens[:, 0])


def test_the_cls_token_stands_for_an_image_only_where_it_tells_images_apart(vit):
    represent, tokens = take_cls(vit, IMAGES), torch.randn(3, 50, 4)
    assert torch.equal(represent("blocks.0", tokens), tokens[:, 0])
    tokens[:, 0] = 1.0  # as before the first attention
    assert torch.equal(represent("norm", tokens), pool(vit, IMAGES)("norm", tokens))
    patches = tokens[:, 1:]  # of an embedding, before CLS comes to them
    assert torch.equal(represent("patch_embed", patches), pool(vit, IMAGES)("patch_embed", patches))


def test_a_model_without_cls_is_pooled():
    cnn, maps = timm.create_model("resnet_pocket.shapes"), torch.randn(3, 4, 7, 7)
    assert torch.equal(take_cls(cnn, IMAGES)("stages.0", maps), maps.movedim(1, -1).mean((1, 2)))
