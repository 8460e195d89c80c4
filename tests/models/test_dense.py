"""The decoder: what it sums, at which size, and that every design has the same; the ViT that has it."""

import pytest
import timm
import torch
from torch import nn
from torch.nn.functional import gelu, interpolate
from torch.utils.flop_counter import FlopCounterMode

from seelike.images.shapes import OUTLINES
from seelike.models.dense import N_LABELS, Decoder
from seelike.models.recipes import DENSE, VIT


@pytest.fixture
def levels():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, width, side, side, generator=generator) for width, side in ((4, 8), (6, 4), (8, 2))]


def test_a_decoder_sums_levels_at_the_size_of_the_finest(levels):
    decoder = Decoder([4, 6, 8])
    summed = 0
    for (_, project), level in zip(decoder.projections, levels, strict=True):
        rows = level.movedim(1, 3)
        normed = nn.functional.layer_norm(rows, rows.shape[-1:], eps=1e-6)
        moved = (normed @ project.weight[:, :, 0, 0].T + project.bias).movedim(3, 1)
        summed = summed + interpolate(moved, (8, 8), mode="bilinear")
    expected = interpolate(decoder.classifier(gelu(summed)), (16, 16), mode="bilinear")
    torch.testing.assert_close(decoder(levels, (16, 16)), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(decoder(levels[::1], (8, 8)), decoder.classifier(gelu(summed)), rtol=1e-4, atol=1e-5)


def test_every_level_counts_and_none_is_read_for_another(levels):
    decoder = Decoder([4, 6, 8])
    scores = decoder(levels, (8, 8))
    for number in range(3):
        other = [level + (i == number) * torch.randn(level.shape) for i, level in enumerate(levels)]
        assert not torch.allclose(decoder(other, (8, 8)), scores, atol=1e-3)
    with pytest.raises(ValueError, match="shorter"):
        decoder(levels[:2], (8, 8))


def test_the_vit_reads_blocks_at_the_ends_of_thirds():
    model, images = timm.create_model("vit_pocket_dense_56").eval(), torch.randn(2, 3, 56, 56)
    kept = {}
    for number, block in enumerate(model.blocks):
        block.register_forward_hook(lambda _, __, tokens, number=number: kept.update({number: tokens}))
    classes, pixels = model.forward_both(images)
    assert model.levels == [1, 4, 7] and pixels.shape == (2, N_LABELS, 56, 56)
    torch.testing.assert_close(classes, model(images))
    levels = [kept[number].mT.unflatten(2, (7, 7)) for number in model.levels]
    torch.testing.assert_close(pixels, model.decoder(levels, (56, 56)))


def test_the_vit_is_the_pocket_vit_with_average_pooling_and_a_decoder():
    own, usual = (dict(timm.create_model(n).named_parameters()) for n in ("vit_pocket_dense_56", VIT))
    shared = {name for name in usual if name not in ("cls_token", "pos_embed")}
    assert shared == {name for name in own if not name.startswith("decoder.")} - {"pos_embed"}
    assert all(own[name].shape == usual[name].shape for name in shared)


def test_all_designs_have_one_decoder_but_for_the_width_of_what_it_reads():
    decoders = [timm.create_model(name).decoder for name in DENSE.runs]
    assert {sum(p.numel() for p in decoder.classifier.parameters()) for decoder in decoders} == {
        65 * (1 + len(OUTLINES))
    }
    assert {sum(p.numel() for p in decoder.parameters()) for decoder in decoders} == {13_254}


def test_the_vit_learns_for_as_many_products_as_the_pyramid():
    products = {}
    for name in ("hlg_pocket_56.dense_shapes", "vit_pocket_dense_56.dense_shapes"):
        model = timm.create_model(name).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.forward_both(torch.zeros(1, 3, 56, 56))
        products[name] = counter.get_total_flops() * DENSE.runs[name].steps * DENSE.runs[name].batch_size
    pyramid, vit = products.values()
    assert vit == pytest.approx(pyramid, rel=0.02)
