"""Tokens: a model's output cut by hand, CLS and registers kept apart, maps averaged, forms that have no positions."""

import pytest
import timm
import torch
from torch import nn

from seelike.activations import tokens
from seelike.activations.architecture import Architecture
from seelike.activations.forward import read_once
from seelike.activations.tokens import find_channels, find_grid, split
from seelike.measures.token_kinds import TokenKinds
from seelike.system.errors import InputError


def images(generator, n=4, side=56):
    return torch.randn(n, 3, side, side, generator=generator)


def read_kinds(model, x):
    (found,) = read_once(model, x, TokenKinds(Architecture.of(model, x).blocks()).reading(model, x))
    return found


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
    blocks = Architecture.of(model, images(generator)).blocks()
    assert not blocks.has_cls and (blocks.rows, blocks.columns) == (7, 7)
    assert {kind for kind, _ in read_kinds(model, images(generator))} == {"single", "pooled"}


def test_features_are_what_a_forward_pass_gives(generator):
    model, x = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval(), images(generator, 6)
    blocks = Architecture.of(model, x).blocks()
    assert blocks.has_cls and len(blocks.names) == 8
    found = read_kinds(model, x)
    with torch.no_grad():
        last = model.forward_intermediates(x, norm=False, output_fmt="NLC", return_prefix_tokens=True)[1][-1]
    torch.testing.assert_close(found["CLS", "blocks.7"], last[1][:, 0])
    torch.testing.assert_close(found["pooled", "blocks.7"], last[0].mean(1))
    positions = [7 * row + column for row in (0, 2, 4, 6) for column in (0, 2, 4, 6)]
    torch.testing.assert_close(found["single", "blocks.7"], last[0][:, positions])


def test_a_large_map_is_averaged_to_the_last_blocks_grid(generator):
    model = timm.create_model("resnet_pocket").eval()
    x = images(generator)
    blocks = Architecture.of(model, x).blocks()
    assert (blocks.rows, blocks.columns, blocks.names[0]) == (7, 7, "stages.0.blocks.0")
    seen = {}
    with torch.no_grad():
        model.stages[0].blocks[0].register_forward_hook(lambda _, i, output: seen.update(first=output))
        found = read_once(model, x, blocks.reading(model, x, lambda each: each))[0]["stages.0.blocks.0"]
    torch.testing.assert_close(found.grid[:, 2, 5], seen["first"][:, :, 16:24, 40:48].mean((2, 3)))
    assert found.prefix.shape[1] == 0
    pooled = read_kinds(model, x)["pooled", "stages.0.blocks.0"]
    torch.testing.assert_close(pooled, seen["first"].mean((2, 3)), rtol=1e-4, atol=1e-5)


def test_channels_last_are_put_right(generator):
    model = timm.create_model("swin_tiny_patch4_window7_224").eval()
    blocks = Architecture.of(model, images(generator, 1, 224)).blocks(at_most=2)
    assert (blocks.rows, blocks.columns) == (7, 7)
    output = torch.randn(1, 7, 7, 768, generator=generator)
    assert torch.equal(split(model, "layers.3.blocks.1", output, images(generator, 1, 224)).grid, output)


@pytest.mark.parametrize(("declared", "axis"), [(None, 1), ("NCHW", 1), ("NHWC", -1)])
def test_channels_lie_where_the_model_declares(declared, axis):
    """What would do as well, a square of all equal sides, is read that way; what does not do is refused."""
    x, model = torch.zeros(1, 3, 64, 96), nn.Identity()
    model.output_fmt = declared
    right, wrong = torch.zeros(1, 5, 4, 6), torch.zeros(1, 4, 6, 5)
    right, wrong = (right, wrong) if axis == 1 else (wrong, right)
    assert find_channels(model, "x", right, x) == axis
    assert find_channels(model, "x", torch.zeros(1, 8, 8, 8), torch.zeros(1, 3, 64, 64)) == axis
    assert find_channels(model, "x", torch.zeros(1, 24, 5), x) == -1
    with pytest.raises(InputError, match=r"x has an output of shape .* no grid is known for images of 64×96"):
        find_channels(model, "x", wrong, x)


def test_where_blocks_of_both_kinds_are_in_a_model_a_map_must_tell():
    """Tiny ViT's first stage is (n, 96, 96, 96) at its size of 384, the others put channels last."""
    model, x = TinyVit(), torch.zeros(1, 3, 384, 384)
    assert find_channels(model, "x", torch.zeros(1, 64, 96, 96), x) == 1
    assert find_channels(model, "x", torch.zeros(1, 48, 48, 192), x) == -1
    with pytest.raises(InputError, match=r"x has an output of shape \(1, 96, 96, 96\), .* more than one grid"):
        find_channels(model, "x", torch.zeros(1, 96, 96, 96), x)


@pytest.mark.parametrize(("name", "side", "channels"), [("swinv2_cr_tiny_384", 384, 96), ("gcvit_xxtiny", 256, 64)])
def test_a_cube_of_a_family_with_channels_last_is_read_so(name, side, channels):
    """The first stage returns as many rows and columns as channels, and timm has no flag that tells which is which."""
    with torch.device("meta"):
        model = timm.create_model(name, **({"img_size": side} if "gcvit" in name else {}))
    assert not hasattr(model, "output_fmt")
    assert find_channels(model, "x", torch.zeros(1, *[channels] * 3), torch.zeros(1, 3, side, side)) == -1


class TinyVit(nn.Module):
    """The name tells."""


def test_windows_of_tokens_are_no_grid():
    """NesT's blocks return (n, windows, tokens, channels): 16 windows of 16 tokens look like a grid of 16 × 16."""
    model = timm.models.Nest(img_size=64, embed_dims=48, num_heads=3, depths=(1, 1, 1)).eval()
    with pytest.raises(InputError, match=r"^layer levels.0.* an output of shape \(1, 16, 16, 48\)"):
        Architecture.of(model, torch.zeros(1, 3, 64, 64)).blocks()


@pytest.mark.parametrize("shape", [(4, 8), (4, 8, 2, 7, 7)])
def test_outputs_of_other_forms_have_no_positions(shape):
    with pytest.raises(InputError, match=r"x has no positions: its output has shape \(4, 8"):
        find_channels(nn.Identity(), "x", torch.zeros(shape), torch.zeros(4, 3, 56, 56))


def test_windows_in_the_place_of_images_are_refused():
    with pytest.raises(InputError, match="layer x does not return one list of tokens for each image"):
        split(nn.Identity(), "x", torch.zeros(8, 49, 64), torch.zeros(2, 3, 56, 56))


def test_merged_patches_lie_on_a_grid_of_the_images_proportions():
    """PVT merges patches from stage to stage and only tells of the first grid."""
    x, model = torch.zeros(1, 3, 64, 96), nn.Identity()
    assert find_grid(model, "x", 24, x) == (4, 6, 0)
    model.num_prefix_tokens = 1
    assert find_grid(model, "x", 25, x) == (4, 6, 1)
    assert find_grid(model, "x", 24, x) == (4, 6, 0)
    with pytest.raises(InputError, match="layer x has 30 tokens, and no grid of them is known"):
        find_grid(model, "x", 30, x)


def test_a_grid_as_high_as_an_odd_number_of_rows_is_found():
    """7 rows of 3, where the proportions alone would round to 6."""
    assert find_grid(nn.Identity(), "x", 21, torch.zeros(1, 3, 96, 48)) == (7, 3, 0)


def test_where_two_grids_fit_the_patches_own_is_taken_or_none():
    """9 tokens are 3 × 3, or 2 × 2 after five others."""
    x, model = torch.zeros(1, 3, 48, 48), nn.Identity()
    model.num_prefix_tokens = 5
    with pytest.raises(InputError, match="layer x has 9 tokens, and several grids fit them"):
        find_grid(model, "x", 9, x)
    model.patch_embed = nn.Identity()
    for side, n_prefix in ((3, 0), (2, 5)):
        model.patch_embed.grid_size = (side, side)
        assert find_grid(model, "x", 9, x) == (side, side, n_prefix)


@pytest.mark.parametrize(
    ("name", "arguments", "n_prefix", "has_cls"),
    [
        ("vit_tiny_patch16_224", {}, 1, True),
        ("vit_tiny_patch16_224", {"reg_tokens": 3}, 4, True),
        ("vit_tiny_patch16_224", {"class_token": False, "reg_tokens": 3, "global_pool": "avg"}, 3, False),
        ("deit_tiny_distilled_patch16_224", {}, 2, True),
        ("vit_small_patch16_dinov3", {}, 5, True),
        ("vit_relpos_base_patch16_cls_224", {}, 1, True),
        ("pit_ti_distilled_224", {}, 2, True),
        ("cait_xxs24_224", {}, 0, False),  # CLS comes after these blocks
        ("xcit_nano_12_p16_224", {}, 0, False),
    ],
)
def test_which_tokens_precede_the_patches(name, arguments, n_prefix, has_cls, generator):
    """Another token instead of CLS changes the first token of the first block more than any other."""
    model, x = timm.create_model(name, img_size=64, **arguments).eval(), images(generator, 1, 64)
    blocks = Architecture.of(model, x).blocks(at_most=2)
    assert set(blocks.n_prefix) == {n_prefix} == {Architecture.of(model, x).n_prefix}
    assert blocks.has_cls == has_cls
    if has_cls:
        before = read_first(model, blocks, x)
        model.cls_token.data[:, 0] += 3 * torch.randn(model.cls_token.shape[-1], generator=generator)
        assert (read_first(model, blocks, x) - before).norm(dim=-1).argmax() == 0


def read_first(model, blocks, x):
    """The first block's tokens of one image, (tokens, channels), the prefix first."""
    reduce = lambda each: torch.cat([each.prefix[0], each.grid[0].flatten(0, 1)])  # noqa: E731
    (every,) = read_once(model, x, blocks.reading(model, x, reduce))
    return every[blocks.names[0]].clone()


def test_a_cls_token_that_joins_midway_is_read_where_it_is(generator):
    """ConViT's joins before its last two blocks: a grid is known in all, CLS is not in all."""
    model, x = timm.create_model("convit_tiny", img_size=64).eval(), images(generator, 1, 64)
    blocks = Architecture.of(model, x).blocks()
    assert blocks.n_prefix == (0,) * 10 + (1,) * 2 and not blocks.has_cls
    assert "CLS" not in {kind for kind, _ in read_kinds(model, x)}
    with pytest.raises(InputError, match="^the model must be .*ConVit has 0 in blocks.0 and 1 in blocks.10"):
        getattr(Architecture.of(model, x), "n_prefix")  # noqa: B009


def test_a_naflex_vits_cls_token_lies_in_its_embedding(generator):
    model = timm.models.naflexvit.NaFlexVit(
        timm.models.naflexvit.NaFlexVitCfg(embed_dim=48, depth=2, num_heads=3, class_token=True, reg_tokens=2)
    ).eval()
    blocks = Architecture.of(model, images(generator, 1, 64)).blocks()
    assert blocks.has_cls and blocks.n_prefix == (3, 3) and (blocks.rows, blocks.columns) == (4, 4)


def test_tokens_in_an_order_of_their_own_are_refused():
    with pytest.raises(InputError, match="in another order than row by row"):
        Architecture.of(timm.create_model("hiera_tiny_224").eval(), torch.zeros(1, 3, 224, 224)).blocks()


def test_few_blocks_are_spread_from_first_to_last(generator):
    model = timm.create_model("vit_pocket_patch8_56").eval()
    names = Architecture.of(model, images(generator)).blocks(at_most=3).names
    assert names == ("blocks.0", "blocks.4", "blocks.7")
    assert len(Architecture.of(model, images(generator)).blocks(at_most=50).names) == 8


def test_a_model_is_left_as_it_was_and_refused_by_its_parameter(generator):
    model = timm.create_model("vit_pocket_patch8_56").train()
    Architecture.of(model, images(generator)).blocks()
    assert model.training and not any(module._forward_hooks for module in model.modules())
    with pytest.raises(InputError, match="^the model must be a model whose blocks timm groups"):
        Architecture.of(_Vectors(), images(generator)).blocks()
    with pytest.raises(InputError, match=r"layer x has no positions: its output has shape \(4, 8\)"):
        split(model, "x", torch.zeros(4, 8), images(generator))
    with pytest.raises(InputError, match="layer x has 40 tokens, and no grid of them"):
        split(model, "x", torch.zeros(4, 40, 64), images(generator))
    with pytest.raises(InputError, match="^layer layer runs more than once in a forward pass"):
        x, twice = images(generator), _Twice()
        read_once(twice, x, tokens._reading(twice, x, ["layer"], lambda each: each))


class _Vectors(nn.Module):
    def forward(self, x):
        return x.flatten(1)


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(self.layer(x))
