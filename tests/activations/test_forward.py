"""One pass: several readings of it find what each alone does, and the model is left as it was."""

import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.attention import read_maps, reading_maps
from seelike.activations.flattened import reading, stream
from seelike.activations.forward import read_once
from seelike.activations.residuals import read_sums, reading_sums
from seelike.measures.cka import gram


def images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def test_readings_of_one_pass_find_what_each_alone_does():
    model, x = timm.create_model("vit_pocket_patch8_56").eval(), images()
    blocks, names = Architecture.of(model, x).names(), ["blocks.0", "blocks.7"]
    norms = lambda branch: (branch.z.norm(), branch.f.norm())  # noqa: E731
    maps, sums, grams = read_once(
        model, x, reading_maps(model, torch.clone), reading_sums(model, blocks, norms),
        reading(model, names, len(x), gram),
    )  # fmt: skip
    for name, attention in read_maps(model, x).items():
        assert torch.equal(maps[name], attention)
    for name, (z, f) in read_sums(model, x, blocks, norms).items():
        torch.testing.assert_close(sums[name], (z, f), rtol=1e-5, atol=0)  # attention was fused here
    (alone,) = stream(model, [x], names, gram)
    assert list(grams) == names
    for name in names:
        torch.testing.assert_close(grams[name], alone[name], rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was_also_where_a_reading_refuses():
    model = timm.create_model("vit_pocket_patch8_56").train()
    fused = [block.attn.fused_attn for block in model.blocks]
    read_maps(model, images())
    with pytest.raises(ZeroDivisionError):
        read_once(model, images(), reading_maps(model, torch.clone), reading(model, ["blocks.0"], 6, lambda x: 1 / 0))
    assert model.training and [block.attn.fused_attn for block in model.blocks] == fused
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_what_a_model_keeps_from_a_pass_can_be_differentiated():
    """ConViT keeps the offsets of its patches, of which a pass in inference mode would make no use with a gradient."""
    model = timm.create_model("convit_tiny", img_size=48).eval()
    read_once(model, torch.zeros(1, 3, 48, 48))
    x = torch.zeros(1, 3, 48, 48, requires_grad=True)
    model(x).sum().backward()
    assert x.grad.abs().sum() > 0
