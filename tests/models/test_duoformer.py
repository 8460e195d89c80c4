"""DuoFormer: attention within a patch against a slow one, what order matters to, designs of equal size, bad input."""

from math import sqrt

import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.layers import hooked
from seelike.measures.norm_ratio import measure_ratios
from seelike.models import bundled
from seelike.models.duoformer import DESIGNS, NEW_HEAD, ScaleBlock
from seelike.models.recipes import DUOFORMERS, RESNET
from seelike.system.errors import InputError

NAMES = [f"duoformer_pocket_{kind}56" for kind in (*DESIGNS, NEW_HEAD)]
DEFAULT = NAMES[0]


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (3, 3, 56, 56), generator=torch.Generator().manual_seed(0)) / 127.5 - 1


@pytest.fixture(scope="module")
def model():
    return timm.create_model(DEFAULT, seed=0).eval()


def draw_block(n_handed_on: int | None = None) -> ScaleBlock:
    block, generator = ScaleBlock(8, 2, n_handed_on), torch.Generator().manual_seed(1)
    for parameter in block.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return block


def attend_slowly(block: ScaleBlock, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One patch, (tokens, width): what the block makes of it, and how the first token attends, by head."""
    normed = block.norm1(tokens)
    attn, n_heads, size = block.attn, 2, 4
    queries, (keys, values) = attn.q(normed), attn.kv(normed).split(8, -1)
    rows, first = [], []
    for token in range(len(tokens)):
        parts = []
        for head in range(n_heads):
            own = slice(size * head, size * (head + 1))
            logits = torch.stack([queries[token, own] @ key[own] / sqrt(size) for key in keys])
            weights = logits.exp() / logits.exp().sum()
            parts.append(sum(weight * value[own] for weight, value in zip(weights, values, strict=True)))
            if token == 0:
                first.append(weights)
        rows.append(attn.out(torch.cat(parts)))
    x = tokens + torch.stack(rows)
    return x + block.mlp(block.norm2(x)), torch.stack(first)


def test_scale_attention_is_what_a_slow_one_computes_in_every_patch():
    block, tokens = draw_block(), torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found, weights = block(tokens), block.weigh(tokens)
        for patch in range(3):
            slow, first = attend_slowly(block, tokens[patch])
            torch.testing.assert_close(found[patch], slow)
            torch.testing.assert_close(weights[patch], first)
        torch.testing.assert_close(draw_block(1)(tokens), found[:, :1])


def test_a_patch_knows_nothing_of_others_before_patch_blocks(model):
    tokens = torch.randn(1, 49, 6, 64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    model.scale_blocks(tokens.flatten(0, 1)).unflatten(0, (1, 49))[0, 5].sum().backward()
    reached = tokens.grad[0].abs().sum((1, 2))
    assert reached[5] > 0 and reached.count_nonzero() == 1


def test_a_patch_of_one_token_and_an_empty_minibatch():
    block = draw_block(1)
    with torch.no_grad():
        assert block.weigh(torch.randn(4, 1, 8)).tolist() == [[[1.0], [1.0]]] * 4
        assert block(torch.zeros(0, 6, 8)).shape == (0, 1, 8)


def test_images_in_another_order_have_the_same_answers(images, model):
    with torch.no_grad():
        torch.testing.assert_close(model(images[[2, 0, 1]]), model(images)[[2, 0, 1]], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("embedded", [False, True])
def test_fine_tokens_have_no_order_but_by_their_embeddings(embedded, images):
    model = timm.create_model(DEFAULT, seed=0).eval()
    generator = torch.Generator().manual_seed(4)
    model.scale_embed.data = torch.randn(model.scale_embed.shape, generator=generator) * embedded
    coarse, fine = model.scale_tokens(images)
    with torch.no_grad():
        found, other = (model.forward_tokens([coarse, each]) for each in (fine, fine[:, :, [2, 0, 3, 1]]))
    assert torch.allclose(found, other, atol=1e-4) != embedded


def test_patches_have_an_order_by_their_embeddings(images, model):
    coarse, fine = model.scale_tokens(images)
    order = torch.randperm(49, generator=torch.Generator().manual_seed(5))
    placeless = timm.create_model(DEFAULT, seed=0).eval()
    placeless.pos_embed.data.zero_()
    with torch.no_grad():
        for each, same in ((model, False), (placeless, True)):
            found = each.forward_tokens([coarse, fine]), each.forward_tokens([coarse[:, order], fine[:, order]])
            assert torch.allclose(*found, atol=1e-5) == same


def test_scale_tokens_come_from_the_largest_of_every_channel(model):
    tokens = [torch.rand(1, 49, 1, 160), torch.rand(1, 49, 4, 64)]
    by_hand = torch.cat([tokens[0][0, 7, 0], tokens[1][0, 7].max(0).values])
    with torch.no_grad():
        scale_token = model.gather(tokens)[0, 7, 0] - model.scale_embed[0, 0, 0]
        torch.testing.assert_close(scale_token, model.fuse(by_hand), atol=1e-5, rtol=1e-4)


def test_attention_of_scale_tokens_is_what_blocks_compute(images, model):
    first, last = model.weigh_scales(images)
    assert first.shape == last.shape == (3, 49, 4, 6)
    torch.testing.assert_close(first.sum(-1), torch.ones(3, 49, 4))
    with torch.no_grad():
        x = model.gather(model.scale_tokens(images))[1, 5][None]
        torch.testing.assert_close(model.scale_blocks[1].weigh(model.scale_blocks[0](x))[0], last[1, 5])


def test_designs_have_about_as_many_parameters_each():
    count = {name: sum(p.numel() for p in timm.create_model(name).parameters()) for name in NAMES}
    assert {kind for kind in DESIGNS} == set(DUOFORMERS)
    full = count[DEFAULT]
    for name in NAMES[:-1]:
        assert full * 0.85 < count[name] < full * 1.05, name
        model = timm.create_model(name)
        assert len(model.scale_blocks) + len(model.blocks) == 4
    assert count[NAMES[-1]] == 161 * 10


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_used_and_none_is_the_backbones(name, images):
    model = timm.create_model(name, seed=0)
    model(images).square().sum().backward()
    assert not {key for key, value in model.named_parameters() if value.grad is None}
    assert model.state_dict().keys() == dict(model.named_parameters()).keys()
    assert all(p.grad is None and not p.requires_grad for p in model.scale_tokens.backbone.parameters())


def test_a_new_head_is_that_of_the_backbone_with_other_weights(images):
    model, resnet = timm.create_model(NAMES[-1]).eval(), timm.create_model(f"{RESNET}.shapes", pretrained=True).eval()
    model.head.load_state_dict(
        {key: value.flatten(1) if value.ndim > 1 else value for key, value in resnet.head.fc.state_dict().items()}
    )
    with torch.no_grad():
        torch.testing.assert_close(model(images), resnet(images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_timm_adapts_them_as_any_other_model(name):
    width = 160 if NEW_HEAD in name else 64
    assert timm.create_model(name, num_classes=0).eval()(torch.zeros(1, 3, 56, 56)).shape == (1, width)
    assert timm.create_model(name, num_classes=3, in_chans=1)(torch.zeros(2, 1, 56, 56)).shape == (2, 3)


def test_other_sizes_are_multiples_of_8_and_others_are_refused(images, model):
    assert timm.create_model(DEFAULT, img_size=64)(torch.zeros(1, 3, 64, 64)).shape == (1, 10)
    with pytest.raises(InputError, match="img_size must be a multiple of 8 pixels.*not 60"):
        timm.create_model(DEFAULT, img_size=60)
    with pytest.raises(InputError, match="images must have 49 patches for this DuoFormer, not 64"):
        model(torch.zeros(1, 3, 64, 64))


def test_what_is_shipped_holds_no_weight_of_the_backbone(images):
    """And timm gives the whole, backbone and all."""
    name = bundled.complete(DEFAULT)
    if name not in bundled.NAMES:
        pytest.skip("not trained yet")
    assert (bundled.WEIGHTS / f"{name}.safetensors").stat().st_size < 2**19
    model = timm.create_model(name, pretrained=True)
    resnet = timm.create_model(f"{RESNET}.shapes", pretrained=True)
    assert torch.equal(model.scale_tokens.backbone.stem.conv.weight, resnet.stem.conv.weight)


def test_blocks_are_those_of_the_backbone_then_patches_after_scale_blocks_then_those_across(images, model):
    found = Architecture.of(model, images).layers("blocks")
    own = [name for name, module in model.backbone.named_modules() if type(module).__name__ == "PreActBasic"]
    expected = [f"backbone.{name}" for name in own]
    assert [layer.name for layer in found] == [*expected, "patches.0", "patches.1", "blocks.0", "blocks.1"]
    stages = [f"backbone.stages.{k}" for k in range(4)]
    assert list(dict.fromkeys(layer.stage for layer in found)) == [*stages, "patches", "blocks"]


def test_patches_show_scale_tokens_where_they_lie(images, model):
    seen = {}
    with torch.no_grad(), hooked(model, ["patches.0", "backbone.stages.3"], seen.__setitem__):
        model(images)
        tokens = model.gather(model.scale_tokens(images))
        slow = model.scale_blocks[0](tokens[2])[:, 0]  # (patches, width), row by row
        torch.testing.assert_close(seen["patches.0"][2, :, 3, 5], slow[3 * 7 + 5], atol=1e-4, rtol=1e-4)
        assert torch.equal(seen["backbone.stages.3"], model.backbone.forward_intermediates(images)[1][-1])


def test_skips_are_weighed_in_the_backbone_and_across_patches_and_cls_counts_in_neither(images, model):
    ratios = measure_ratios(model, [images])
    alone = measure_ratios(model.backbone, [images])
    assert ratios.kinds.names == ("spatial",)
    torch.testing.assert_close(ratios.log_ratio[:, :10], alone.log_ratio, atol=1e-5, rtol=0)
    assert ratios.sublayers[10:] == ("blocks.0.attn", "blocks.0.mlp", "blocks.1.attn", "blocks.1.mlp")
    seen = {}
    with torch.no_grad(), hooked(model, ["blocks.1:input", "blocks.1.attn"], lambda k, v: seen.update({k: v.clone()})):
        model(images)
    z, f = (each[:, 1:].double().norm(dim=-1) for each in (seen["blocks.1:input"], seen["blocks.1.attn"]))
    assert ratios.log_ratio[0, 12, 0] == pytest.approx((z / f).log().mean().item(), abs=1e-5)
