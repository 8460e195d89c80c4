"""Norm ratio and cosine: by hand, by loops, what scaling and sign change, effects, bad input."""

import math

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.measures import norm_ratio
from seelike.measures.norm_ratio import (
    Kinds,
    NormRatios,
    Tokens,
    cls_spatial_crossover,
    compare,
    compare_tokens,
    cosine_crossover,
    log_ratio_gap,
)
from seelike.system.errors import InputError

WITH_CLS = Kinds(True, 1)


def images(side=56, n=8):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_one_token_by_hand():
    z, f = torch.tensor([[[3.0, 4.0], [1.0, 0.0]]]), torch.tensor([[[0.0, 2.0], [0.0, 5.0]]])
    ratio, cosine = compare_tokens(z, f)
    assert ratio.tolist() == [[2.5, 0.2]] and cosine.tolist() == [[0.8, 0.0]]


def test_agrees_with_loops_whichever_axis_holds_the_channels(generator):
    z, f = torch.randn(2, 3, 4, 5, generator=generator), torch.randn(2, 3, 4, 5, generator=generator)
    ratio, cosine = compare_tokens(z, f, 1)
    for image in range(2):
        for token in range(20):
            skip, branch = (x[image, :, token // 5, token % 5].double().numpy() for x in (z, f))
            lengths = np.linalg.norm(skip), np.linalg.norm(branch)
            assert ratio[image, token].item() == pytest.approx(lengths[0] / lengths[1])
            assert cosine[image, token].item() == pytest.approx(skip @ branch / lengths[0] / lengths[1])
    last = compare_tokens(z.permute(0, 2, 3, 1), f.permute(0, 2, 3, 1))
    assert torch.equal(last[0], ratio) and torch.equal(last[1], cosine)


def test_what_rotates_both_changes_nothing_and_what_scales_one_does(generator):
    z, f = torch.randn(2, 6, 4, generator=generator), torch.randn(2, 6, 4, generator=generator)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=generator))[0]
    ratio, cosine = compare_tokens(z, f)
    for found, expected in zip(compare_tokens(z @ rotation, f @ rotation), (ratio, cosine), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    scaled = compare_tokens(z, -2 * f)
    torch.testing.assert_close(scaled[0], ratio / 2)
    torch.testing.assert_close(scaled[1], -cosine)


def test_a_token_to_which_nothing_is_added_has_no_ratio_and_does_not_count():
    z, f = torch.ones(1, 3, 2), torch.ones(1, 3, 2)
    f[0, 1] = 0
    ratio, cosine = compare_tokens(z, f)
    assert ratio[0].isnan().tolist() == cosine[0].isnan().tolist() == [False, True, False]
    assert Tokens.of(Kinds(False, 0), ratio, cosine).ratio == pytest.approx([1])
    assert math.isnan(compare_tokens(0 * z, f)[1][0, 0]) and compare_tokens(0 * z, f)[0][0, 0] == 0


def test_registers_and_distillation_tokens_are_left_out():
    tokens = torch.arange(7.0)[None]
    cls, patches = Kinds(True, 3).split(tokens)
    assert cls.tolist() == [[0]] and patches.tolist() == [[3, 4, 5, 6]]
    (patches,) = Kinds(False, 2).split(tokens)
    assert patches.tolist() == [[2, 3, 4, 5, 6]]
    found = Tokens.of(Kinds(True, 3), tokens, tokens)
    assert found.ratio.tolist() == [0, 4.5] and found.tokens.tolist() == [0, 3, 4, 5, 6]
    x = torch.zeros(1, 3, 224, 224)
    of = lambda name, **how: Kinds.of(Architecture.of(timm.create_model(name, **how), x))  # noqa: E731
    assert of("deit_tiny_distilled_patch16_224") == Kinds(True, 2)
    assert of("vit_tiny_patch16_224", reg_tokens=4) == Kinds(True, 5)
    assert of("vit_tiny_patch16_224", reg_tokens=4, class_token=False, global_pool="avg") == Kinds(False, 4)
    assert of("resnet_pocket") == Kinds(False, 0)
    assert of("cait_xxs24_224") == Kinds(False, 0)  # its CLS token comes after these blocks


def test_measures_a_vit_with_its_definition():
    """Oracle: hooks of our own on a model with LayerScale, the mean over images and tokens of a kind."""
    model = timm.create_model("vit_pocket_patch8_56", init_values=0.3, seed=5).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("gamma"):
            nn.init.constant_(parameter, 0.3)  # the bundled models' initial state has them at 0
    seen = {}
    model.blocks[2].drop_path2.register_forward_hook(lambda _, __, output: seen.update(f=output))
    model.blocks[2].norm2.register_forward_pre_hook(lambda _, inputs: seen.update(z=inputs[0]))
    with torch.no_grad():
        model(images())
    z, f = seen["z"].double(), seen["f"].double()
    ratios, cosines = z.norm(dim=-1) / f.norm(dim=-1), nn.functional.cosine_similarity(z, f, dim=-1)
    found = norm_ratio.measure_ratios(model, [images()])
    token = found.sublayers.index("blocks.2.mlp")
    assert found.ratio[0, token] == pytest.approx([ratios[:, 0].mean().item(), ratios[:, 1:].mean().item()])
    assert found.cosine[0, token] == pytest.approx([cosines[:, 0].mean().item(), cosines[:, 1:].mean().item()])
    np.testing.assert_allclose(found.tokens[token], ratios.mean(0))


def test_minibatches_do_not_matter_and_images_do():
    model = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval()
    whole = norm_ratio.measure_ratios(model, [images()]).ratio.mean(0)
    parts = norm_ratio.measure_ratios(model, images().split(2)).ratio
    np.testing.assert_allclose(parts.mean(0), whole, rtol=1e-5)
    assert parts.shape == (4, 16, 2) and parts.std(0).min() > 0


def test_arrays_bear_labels():
    found = norm_ratio.measure_ratios(timm.create_model("vit_pocket_patch8_56").eval(), [images()]).arrays()
    assert set(found) == {"norm_ratio", "skip_cosine", "norm_ratio_tokens"}
    assert found["norm_ratio"].axes["kind"] == ["CLS", "spatial"] and found["norm_ratio"].values.shape == (16, 2)
    tokens = found["norm_ratio_tokens"]
    assert tokens.axes["token"][:2] == ["CLS", "patch 0"] and tokens.values.shape == (16, 50)
    cnn = norm_ratio.measure_ratios(timm.create_model("resnet_pocket").eval(), [images()]).arrays()
    assert set(cnn) == {"norm_ratio", "skip_cosine"} and cnn["norm_ratio"].axes["kind"] == ["spatial"]


def test_channels_are_found_in_swin_and_in_cnns():
    model = timm.create_model("swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1), embed_dim=24).eval()
    found = norm_ratio.measure_ratios(model, [images(224, 1)])
    x = {}
    model.layers[1].blocks[0].drop_path1.register_forward_hook(lambda _, __, f: x.update(f=f))
    model.layers[1].blocks[0].register_forward_pre_hook(lambda _, inputs: x.update(z=inputs[0]))
    with torch.no_grad():
        model(images(224, 1))
    token = found.sublayers.index("layers.1.blocks.0.attn")
    expected = (x["z"].norm(dim=-1) / x["f"].norm(dim=-1)).mean().item()
    assert found.ratio[0, token] == pytest.approx([expected], rel=1e-5) and found.tokens is None


def test_s1_needs_both_halves():
    ratio = np.array([[4.0, 1], [4, 1], [1, 2], [1, 2]])
    assert cls_spatial_crossover(ratio) == pytest.approx(math.log(2))
    assert cls_spatial_crossover(ratio[:, ::-1]) == pytest.approx(-math.log(4))
    assert cls_spatial_crossover(ratio[::-1]) == pytest.approx(-math.log(4))
    assert cls_spatial_crossover(np.full((4, 2), 3.0)) == 0
    assert cls_spatial_crossover(np.insert(ratio, 2, [[9, 1]], axis=0)) == cls_spatial_crossover(
        ratio
    )  # the middle one is left out


def test_s2_averages_logarithms_and_flips_its_sign():
    assert log_ratio_gap(np.array([2.0, 8]), np.array([1.0, 1, 1])) == pytest.approx(math.log(4))
    assert log_ratio_gap(np.array([1.0, 1, 1]), np.array([2.0, 8])) == pytest.approx(-math.log(4))


def test_s5_needs_the_rise_and_the_fall():
    cosine = np.array([[0.5, 0.0], [0.5, 0.1], [0.2, 0.4], [0.1, 0.4]])
    assert cosine_crossover(cosine) == pytest.approx(0.35)
    assert cosine_crossover(cosine[:, ::-1]) == pytest.approx(-0.35)
    assert cosine_crossover(np.column_stack([cosine[:, 0], np.zeros(4)])) == 0


def found(ratio, kinds=WITH_CLS) -> NormRatios:
    minibatches = np.repeat(np.array([ratio], float), 6, 0)
    return NormRatios(tuple(map(str, range(len(ratio)))), kinds, minibatches, minibatches / 10, None)


def test_claims_by_hand_and_without_cls():
    vit, cnn = found([[4, 1], [1, 2]]), found([[1], [1], [1]], Kinds(False, 0))
    estimates = compare(vit, cnn, 0)
    assert list(estimates) == ["S1", "S2", "S5"]
    assert estimates["S1"].effect == pytest.approx(math.log(2))
    assert estimates["S2"].effect == pytest.approx(math.log(2) / 2) == estimates["S2"].low
    assert estimates["S5"].effect == pytest.approx(0.1)
    assert list(compare(cnn, vit, 0)) == ["S2"]
    assert compare(cnn, vit, 0)["S2"].effect == pytest.approx(-math.log(2) / 2)


def test_a_dead_branch_and_no_image_are_refused():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    nn.init.zeros_(model.blocks[3].mlp.fc2.weight)
    with pytest.raises(InputError, match=r"^the model must .* branches add something, .*; blocks.3.mlp adds 0"):
        norm_ratio.measure_ratios(model, [images()])
    with pytest.raises(InputError, match="at least one full minibatch"):
        norm_ratio.measure_ratios(model, [])


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_vectors_whose_squares_float32_does_not_hold_have_the_same_ratio(scale, generator):
    z, f = torch.randn(2, 3, 5, 8, generator=generator)
    for found, plain in zip(compare_tokens(scale * z, scale * f), compare_tokens(z, f), strict=True):
        torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)
