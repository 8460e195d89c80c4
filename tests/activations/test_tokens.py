"""Tokens: a model's output cut by hand, CLS and registers kept apart, maps averaged, forms that have no places."""

import pytest
import timm
import torch
from torch import nn

from seelike.activations import tokens
from seelike.activations.forward import read_once
from seelike.activations.tokens import Blocks, find_channels, find_grid, gather, split
from seelike.system.errors import InputError


def images(generator, n=4, side=56):
    return torch.randn(n, 3, side, side, generator=generator)


def test_a_vits_tokens_are_cls_then_patches_row_by_row(generator):
    model = timm.create_model("vit_pocket_patch8_56", img_size=(56, 40)).eval()
    output = torch.randn(2, 36, 64, generator=generator)
    x = torch.zeros(2, 3, 56, 40)
    found = split(model, "blocks.0", output, x)
    assert found.grid.shape == (2, 7, 5, 64)
    assert torch.equal(found.prefix[:, 0], output[:, 0])
    assert torch.equal(found.grid[:, 2, 3], output[:, 1 + 2 * 5 + 3])
    whole = split(model, "patch_embed", output[:, 1:], x)
    assert whole.prefix.shape == (2, 0, 64) and torch.equal(whole.grid, found.grid)


def test_registers_are_no_places_and_no_cls(generator):
    model = timm.create_model("vit_pocket_patch8_gap_56", reg_tokens=3).eval()
    blocks = Blocks.of("vit", model, images(generator))
    assert not blocks.has_cls and (blocks.rows, blocks.columns) == (7, 7)
    found = gather("vit", model, [images(generator)], blocks, len(images(generator)))
    assert list(found) == ["single", "pooled"]


def test_features_are_what_a_forward_pass_gives(generator):
    model, x = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval(), images(generator, 6)
    blocks = Blocks.of("vit", model, x)
    assert blocks.has_cls and len(blocks.names) == 8
    found = gather("vit", model, x.split(4), blocks, len(x))
    with torch.no_grad():
        last = model.forward_intermediates(x, norm=False, output_fmt="NLC", return_prefix_tokens=True)[1][-1]
    torch.testing.assert_close(found["CLS"]["blocks.7"], last[1][:, 0])
    torch.testing.assert_close(found["pooled"]["blocks.7"], last[0].mean(1))
    places = [7 * row + column for row in (0, 2, 4, 6) for column in (0, 2, 4, 6)]
    torch.testing.assert_close(found["single"]["blocks.7"], last[0][:, places])


def test_a_large_map_is_averaged_to_the_last_blocks_grid(generator):
    model = timm.create_model("resnet_pocket").eval()
    x = images(generator)
    blocks = Blocks.of("cnn", model, x)
    assert (blocks.rows, blocks.columns, blocks.names[0]) == (7, 7, "stages.0.blocks.0")
    seen = {}
    with torch.no_grad():
        model.stages[0].blocks[0].register_forward_hook(lambda _, i, output: seen.update(first=output))
        found = blocks.read("cnn", model, x, lambda each: each)["stages.0.blocks.0"]
    torch.testing.assert_close(found.grid[:, 2, 5], seen["first"][:, :, 16:24, 40:48].mean((2, 3)))
    assert found.prefix.shape[1] == 0
    pooled = gather("cnn", model, [x], blocks, len(x))["pooled"]["stages.0.blocks.0"]
    torch.testing.assert_close(pooled, seen["first"].mean((2, 3)), rtol=1e-4, atol=1e-5)


def test_channels_last_are_put_right(generator):
    model = timm.create_model("swin_tiny_patch4_window7_224").eval()
    blocks = Blocks.of("vit", model, images(generator, 1, 224), at_most=2)
    assert (blocks.rows, blocks.columns) == (7, 7)
    output = torch.randn(1, 7, 7, 768, generator=generator)
    assert torch.equal(split(model, "layers.3.blocks.1", output, images(generator, 1, 224)).grid, output)


def test_where_the_channels_lie_is_told_by_the_images_proportions():
    """VOLO puts them last and does not say so."""
    x, model = torch.zeros(1, 3, 64, 96), nn.Identity()
    assert find_channels(model, torch.zeros(1, 5, 4, 6), x) == 1
    assert find_channels(model, torch.zeros(1, 4, 6, 5), x) == -1
    assert find_channels(model, torch.zeros(1, 24, 5), x) == -1
    model.output_fmt = "NHWC"
    assert find_channels(model, torch.zeros(1, 8, 8, 8), torch.zeros(1, 3, 64, 64)) == -1
    assert find_channels(nn.Identity(), torch.zeros(1, 8, 8, 8), torch.zeros(1, 3, 64, 64)) == 1


def test_merged_patches_lie_on_a_grid_of_the_images_proportions():
    """PVT merges patches from stage to stage and only tells of the first grid."""
    x, model = torch.zeros(1, 3, 64, 96), nn.Identity()
    assert find_grid(model, "x", 24, x) == (4, 6, 0)
    model.num_prefix_tokens = 1
    assert find_grid(model, "x", 25, x) == (4, 6, 1)
    assert find_grid(model, "x", 24, x) == (4, 6, 0)
    with pytest.raises(InputError, match="layer x has 30 tokens, and no grid of them is known"):
        find_grid(model, "x", 30, x)


def test_tokens_in_an_order_of_their_own_are_refused():
    with pytest.raises(InputError, match="in another order than row by row"):
        Blocks.of("vit", timm.create_model("hiera_tiny_224").eval(), torch.zeros(1, 3, 224, 224))


def test_few_blocks_are_spread_from_first_to_last(generator):
    model = timm.create_model("vit_pocket_patch8_56").eval()
    names = Blocks.of("vit", model, images(generator), at_most=3).names
    assert names == ("blocks.0", "blocks.4", "blocks.7")
    assert len(Blocks.of("vit", model, images(generator), at_most=50).names) == 8


def test_a_model_is_left_as_it_was_and_refused_by_its_parameter(generator):
    model = timm.create_model("vit_pocket_patch8_56").train()
    Blocks.of("vit", model, images(generator))
    assert model.training and not any(module._forward_hooks for module in model.modules())
    with pytest.raises(InputError, match="^vit_gap must be a model whose blocks timm groups"):
        Blocks.of("vit_gap", _Vectors(), images(generator))
    with pytest.raises(InputError, match=r"layer x has no positions: its output has shape \(4, 8\)"):
        split(model, "x", torch.zeros(4, 8), images(generator))
    with pytest.raises(InputError, match="layer x has 40 tokens, and no grid of them"):
        split(model, "x", torch.zeros(4, 40, 64), images(generator))
    with pytest.raises(InputError, match="cnn .*one list of tokens for each image"):
        x, twice = images(generator), _Twice()
        read_once(twice, x, tokens._reading("cnn", twice, x, ["layer"], lambda each: each))


class _Vectors(nn.Module):
    def forward(self, x):
        return x.flatten(1)


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(self.layer(x))
