"""Activation patch by patch: its mean is what makes an image most activating; it moves with what is seen."""

import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.measures.feature_purity import MLP, list_shown
from seelike.measures.patch_activations import activate_patches

FEATURES = [(f"blocks.0.{MLP}", 3), (f"blocks.7.{MLP}", 5), (f"blocks.0.{MLP}", 4)]


@pytest.fixture(scope="module")
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval()


def test_each_feature_is_read_in_its_own_image_in_the_place_of_each_patch(vit, generator):
    """Slow: one image, one layer and one patch at a time."""
    images = torch.randn(3, 3, 56, 56, generator=generator)
    found = activate_patches(vit, images, FEATURES, Architecture.of(vit, images).grid)
    assert found.shape == (3, 7, 7)
    for map, image, (name, channel) in zip(found, images, FEATURES, strict=True):
        kept = []
        hook = vit.get_submodule(name).register_forward_hook(lambda _, __, out, kept=kept: kept.append(out))
        with torch.inference_mode():
            vit(image[None])
        hook.remove()
        for row in range(7):
            for column in range(7):
                assert map[row, column] == pytest.approx(kept[0][0, 1 + 7 * row + column, channel].item(), abs=1e-5)


def test_in_the_first_block_without_positions_a_shifted_image_gives_a_shifted_map(vit, generator):
    """Without attention, too: the MLP of the first block then sees each patch alone."""
    image = torch.randn(1, 3, 56, 56, generator=generator)
    blind = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval()
    blind.pos_embed.data.zero_()
    for parameter in blind.blocks[0].attn.proj.parameters():
        parameter.data.zero_()
    grid = Architecture.of(vit, image).grid
    one, shifted = (activate_patches(blind, each, FEATURES[:1], grid) for each in (image, image.roll(8, 3)))
    torch.testing.assert_close(shifted, one.roll(1, 2))
    assert not torch.allclose(*(activate_patches(vit, each, FEATURES[:1], grid) for each in (image, image.roll(8, 3))))


def test_the_features_shown_are_of_layers_that_are_there(vit):
    names = list_shown([f"blocks.{number}" for number in range(8)], 256)
    assert all(vit.get_submodule(name) for name, _ in names)
