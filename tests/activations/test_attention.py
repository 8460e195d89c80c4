"""Attention maps are distributions, the heads' outputs mix to the layer's, and nothing of the model is changed."""

import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid, find_attention, read_heads, read_maps
from seelike.system.errors import InputError


def images(side=56, n=2):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def grid_of(model, x):
    return Architecture.of(model, x).grid


def tiny(name="vit_tiny_patch16_224", **kwargs):
    return timm.create_model(name, **({"depth": 2, "img_size": 48, "embed_dim": 48, "num_heads": 3} | kwargs)).eval()


FAMILIES = {
    "cls": dict(),
    "gap": dict(class_token=False, global_pool="avg"),
    "registers": dict(reg_tokens=4),
    "layerscale": dict(init_values=0.1),
    "qk_norm": dict(qk_norm=True),
    "deit": dict(name="deit_tiny_distilled_patch16_224"),
    "beit": dict(name="beit_base_patch16_224"),
    "eva": dict(name="eva02_tiny_patch14_224", patch_size=16),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_are_distributions_over_all_tokens(family):
    model = tiny(**FAMILIES[family])
    grid = grid_of(model, images(48))
    assert (grid.rows, grid.columns, grid.height, grid.width) == (3, 3, 16, 16)
    maps = read_maps(model, images(48))
    assert list(maps) == ["blocks.0.attn", "blocks.1.attn"]
    for attention in maps.values():
        assert attention.shape == (2, 3, grid.n_tokens, grid.n_tokens)
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))


@pytest.mark.parametrize("family", ["cls", "registers", "beit"])
def test_heads_mix_to_the_output_of_the_layer(family):
    model = tiny(**FAMILIES[family])
    attention = model.blocks[1].attn
    outputs = []
    handle = attention.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    heads = read_heads(model, images(48), "blocks.1.attn")
    handle.remove()
    assert heads.shape[:2] == (2, 3)
    with torch.inference_mode():
        torch.testing.assert_close(attention.proj(heads.transpose(1, 2).flatten(2)), outputs[0])


def test_heads_are_maps_times_values():
    model = tiny()
    x = images(48)
    attention, heads = read_maps(model, x)["blocks.0.attn"], read_heads(model, x, "blocks.0.attn")
    with torch.no_grad():
        tokens = model.blocks[0].norm1(model._pos_embed(model.patch_embed(x)))
        values = model.blocks[0].attn.qkv(tokens).unflatten(-1, (3, 3, 16))[:, :, 2].transpose(1, 2)
    torch.testing.assert_close(heads, attention @ values, rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was():
    model = tiny().train()
    fused = [module.fused_attn for module in find_attention(model).values()]
    before = model.eval()(images(48))
    model.train()
    read_maps(model, images(48))
    assert model.training and [module.fused_attn for module in find_attention(model).values()] == fused
    assert not any(module._forward_pre_hooks for module in model.modules())
    torch.testing.assert_close(model.eval()(images(48)), before)


def test_grid_of_a_picture_that_is_not_square():
    model = tiny(img_size=(32, 64))
    grid = grid_of(model, torch.zeros(1, 3, 32, 64))
    assert (grid.rows, grid.columns, grid.n_prefix, grid.n_tokens) == (2, 4, 1, 9)


def test_distances_by_hand():
    distances = Grid(2, 3, 8, 4, 1).distances()
    assert distances.shape == (6, 6)
    torch.testing.assert_close(distances[0], torch.tensor([0, 4, 8, 8, 80**0.5, 128**0.5]).double())
    assert torch.equal(distances, distances.T)


@pytest.mark.parametrize("name", ["resnet18", "mixer_s32_224", "swin_tiny_patch4_window7_224", "convnext_atto"])
def test_what_has_no_attention_among_all_patches_is_refused(name):
    model = timm.create_model(name).eval()
    with pytest.raises(InputError, match=r"^the model must be a ViT") as refusal:
        grid_of(model, images(224, 1))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("vit_dwee_patch16_reg1_gap_256", "blocks.0.attn"), ("vit_dpwee_patch16_reg1_gap_256", "blocks.0")],
)
def test_differential_attention_is_refused_by_its_name(name, layer):
    model = timm.create_model(name, img_size=48, depth=2).eval()
    with pytest.raises(InputError, match=rf"^the model .*; {layer} of VisionTransformer is differential attention"):
        grid_of(model, images(48, 1))


def test_more_maps_than_heads_are_refused():
    model = tiny()
    attention = model.blocks[1].attn
    forward = attention.forward

    def pretend(x, **options):
        attention.num_heads, attention.head_dim = 6, 8
        output = forward(x, **options)
        attention.num_heads, attention.head_dim = 3, 16
        return output

    attention.forward = pretend
    with pytest.raises(InputError, match="^the model .*one map a head; in the blocks.1.attn of .* 3 heads have 6"):
        grid_of(model, images(48))


def test_attention_that_runs_twice_is_refused():
    model = tiny()
    model.blocks[1].attn = model.blocks[0].attn
    model.blocks[1].norm1 = model.blocks[0].norm1
    with pytest.raises(InputError, match=r"^layer blocks.0.attn attends more than once"):
        grid_of(model, images(48))
