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
    cls_surplus,
    compare_tokens,
    late_attention_surplus,
    late_rise,
    mean_by_third,
    pair_sublayers,
    smallest_gaps,
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
    assert Tokens.of(Kinds(False, 0), ratio, cosine, True).log_ratio == pytest.approx([0])
    assert math.isnan(compare_tokens(0 * z, f)[1][0, 0]) and compare_tokens(0 * z, f)[0][0, 0] == 0


def test_a_token_whose_skip_is_0_does_not_count_either():
    z, f = torch.ones(2, 2, 1), torch.full((2, 2, 1), 0.5)
    z[0, 1] = 0
    tokens = Tokens.of(Kinds(False, 0), *compare_tokens(z, f), True)
    assert tokens.log_ratio == pytest.approx([math.log(2)]) and tokens.tokens == pytest.approx([math.log(2)] * 2)
    assert np.isnan(Tokens.of(Kinds(False, 0), *compare_tokens(0 * z, f), True).log_ratio).all()


def test_one_token_whose_branch_is_nearly_0_does_not_decide_the_mean():
    ratio = torch.ones(1, 1000, dtype=torch.float64)
    ratio[0, 0] = 50_000
    mean = Tokens.of(Kinds(False, 0), ratio, ratio, True).log_ratio
    assert ratio.mean() > 50 and np.exp(mean) == pytest.approx([50_000**0.001])


def test_registers_and_distillation_tokens_are_left_out():
    tokens = torch.arange(7.0)[None]
    cls, patches = Kinds(True, 3).split(tokens)
    assert cls.tolist() == [[0]] and patches.tolist() == [[3, 4, 5, 6]]
    (patches,) = Kinds(False, 2).split(tokens)
    assert patches.tolist() == [[2, 3, 4, 5, 6]]
    found = Tokens.of(Kinds(True, 3), tokens.exp(), tokens, True)
    assert found.log_ratio == pytest.approx([0, 4.5]) and found.tokens == pytest.approx([0, 3, 4, 5, 6])
    x = torch.zeros(1, 3, 224, 224)
    of = lambda name, **how: Kinds.of(Architecture.of(timm.create_model(name, **how), x))  # noqa: E731
    assert of("deit_tiny_distilled_patch16_224") == Kinds(True, 2)
    assert of("vit_tiny_patch16_224", reg_tokens=4) == Kinds(True, 5)
    assert of("vit_tiny_patch16_224", reg_tokens=4, class_token=False, global_pool="avg") == Kinds(False, 4)
    assert of("resnet_pocket") == Kinds(False, 0)
    assert of("cait_xxs24_224") == Kinds(False, 0)  # its CLS token comes after these blocks


def test_measures_a_vit_with_its_definition():
    """Oracle: hooks of our own on a model with LayerScale, the geometric mean over images and tokens of a kind."""
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
    logs = ratios.log()
    assert found.log_ratio[0, token] == pytest.approx([logs[:, 0].mean().item(), logs[:, 1:].mean().item()])
    assert found.cosine[0, token] == pytest.approx([cosines[:, 0].mean().item(), cosines[:, 1:].mean().item()])
    np.testing.assert_allclose(found.tokens[token], logs.mean(0))
    arrays = found.arrays()
    np.testing.assert_allclose(arrays["norm_ratio"].values, np.exp(found.log_ratio[0]))
    np.testing.assert_allclose(arrays["norm_ratio_tokens"].values[token], ratios.log().mean(0).exp())


def test_minibatches_do_not_matter_and_images_do():
    model = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval()
    whole = norm_ratio.measure_ratios(model, [images()]).log_ratio.mean(0)
    parts = norm_ratio.measure_ratios(model, images().split(2)).log_ratio
    np.testing.assert_allclose(parts.mean(0), whole, rtol=1e-5)
    assert parts.shape == (4, 16, 2) and parts.std(0).min() > 0


def test_arrays_bear_labels():
    found = norm_ratio.measure_ratios(timm.create_model("vit_pocket_patch8_56").eval(), [images()]).arrays()
    assert set(found) == {"norm_ratio", "skip_cosine", "identity_skip", "norm_ratio_tokens"}
    assert found["identity_skip"].axes == {"sublayer": found["norm_ratio"].axes["sublayer"]}
    assert found["identity_skip"].values.tolist() == [1] * 16
    assert found["norm_ratio"].axes["kind"] == ["CLS", "spatial"] and found["norm_ratio"].values.shape == (16, 2)
    tokens = found["norm_ratio_tokens"]
    assert tokens.axes["token"][:2] == ["CLS", "patch 0"] and tokens.values.shape == (16, 50)
    cnn = norm_ratio.measure_ratios(timm.create_model("resnet_pocket").eval(), [images()]).arrays()
    assert set(cnn) == {"norm_ratio", "skip_cosine", "identity_skip"}
    assert cnn["norm_ratio"].axes["kind"] == ["spatial"]
    assert cnn["identity_skip"].values.tolist() == [1, 1, 0, 1, 0, 1, 1, 0, 1, 1]


def test_channels_are_found_in_swin_and_in_cnns():
    model = timm.create_model("swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1), embed_dim=24).eval()
    found = norm_ratio.measure_ratios(model, [images(224, 1)])
    x = {}
    model.layers[1].blocks[0].drop_path1.register_forward_hook(lambda _, __, f: x.update(f=f))
    model.layers[1].blocks[0].register_forward_pre_hook(lambda _, inputs: x.update(z=inputs[0]))
    with torch.no_grad():
        model(images(224, 1))
    token = found.sublayers.index("layers.1.blocks.0.attn")
    expected = (x["z"].norm(dim=-1) / x["f"].norm(dim=-1)).log().mean().item()
    assert found.log_ratio[0, token] == pytest.approx([expected], rel=1e-5) and found.tokens is None


def test_s1_has_the_medians_of_both_halves():
    log_ratio = np.array([[9.0, 1], [4, 1], [4, 2], [1, 2], [1, 3], [0, 9]])
    assert cls_surplus(log_ratio).tolist() == [3, -2]
    assert cls_surplus(log_ratio[:, ::-1]).tolist() == [-3, 2]
    assert cls_surplus(log_ratio[::-1]).tolist() == [-2, 3]
    assert cls_surplus(np.insert(log_ratio, 3, [[50, 1]], axis=0)).tolist() == [3, -2]  # the middle one is left out
    assert cls_surplus(log_ratio + 7).tolist() == [3, -2]  # what all tokens share says nothing
    log_ratio[0, 0] = -50
    assert cls_surplus(log_ratio)[0] == 2  # one sublayer does not decide


def test_s5_has_the_rise_of_every_kind():
    cosine = np.array([[0.5, 0.0], [0.5, 0.1], [0.2, 0.4], [0.1, 0.4]])
    assert late_rise(cosine) == pytest.approx([-0.35, 0.35])
    assert late_rise(cosine[::-1]) == pytest.approx([0.35, -0.35])
    assert late_rise(np.insert(cosine, 2, [[9, 9]], axis=0)) == pytest.approx([-0.35, 0.35])
    assert late_rise(np.zeros((4, 2))).tolist() == [0, 0]  # as branches of random direction would have


BLOCKS = ["blocks.0.attn", "blocks.0.mlp", "blocks.1.attn", "blocks.1.mlp", "blocks.2.attn", "blocks.2.mlp"]


def test_s6_compares_the_sublayers_of_the_later_blocks():
    log_ratio = np.array([9.0, 0, 9, 0, 3, 2])
    assert late_attention_surplus(log_ratio, pair_sublayers(BLOCKS)) == 1  # the middle block is left out
    assert late_attention_surplus(log_ratio[2:], pair_sublayers(BLOCKS[:4])) == 1
    swapped = [name.replace("attn", "x").replace("mlp", "attn").replace("x", "mlp") for name in BLOCKS]
    assert late_attention_surplus(log_ratio, pair_sublayers(swapped)) == -1


@pytest.mark.parametrize(
    "names",
    [
        ["blocks.0.mlp_tokens", "blocks.0.mlp_channels", "blocks.1.mlp_tokens", "blocks.1.mlp_channels"],
        ["blocks.0", "blocks.1"],
        ["blocks.0.attn", "blocks.0.mlp", "blocks.1"],
        ["blocks.0.attn", "blocks.0.local_mp", "blocks.0.mlp", *BLOCKS[2:]],
        BLOCKS[:2],
    ],
)
def test_sublayers_that_cannot_be_told_apart_have_no_pairs(names):
    assert len(pair_sublayers(names)) == 0


def test_thirds_are_of_depth_and_hold_identity_skips_alone():
    log_ratio, every = np.arange(6.0), np.ones(6, bool)
    assert mean_by_third(log_ratio, every).tolist() == [0.5, 2.5, 4.5]
    assert mean_by_third(log_ratio, np.array([False, True, True, True, False, False]))[:2].tolist() == [1, 2.5]
    assert np.isnan(mean_by_third(log_ratio, np.array([True, True, True, True, False, False]))[2])
    sizes = [len(part) for part in (np.arange(5), np.arange(5, 11), np.arange(11, 16))]
    ones = mean_by_third(np.repeat([0.0, 1, 2], sizes), np.ones(16, bool))
    assert ones.tolist() == [0, 1, 2]  # of 16 sublayers the middle third has 6


def found(log_ratio, kinds=WITH_CLS, identity=None, names=None, n=6) -> NormRatios:
    """Minibatches that differ: each has all log ratios larger by what sums to 0."""
    spread = np.linspace(-0.1, 0.1, n)[:, None, None]
    minibatches = np.array([log_ratio], float) + spread
    identity = np.ones(len(log_ratio), bool) if identity is None else np.array(identity)
    names = tuple(names or map(str, range(len(log_ratio))))
    return NormRatios(names, kinds, minibatches, minibatches / 10, None, identity)


def test_parts_of_one_model_by_hand():
    vit = found([[4, 1], [1, 0], [1, 2], [0, 3]], names=BLOCKS[:4])
    parts = vit.crossovers()
    assert {part: replicates.shape for part, replicates in parts.items()} == dict.fromkeys(
        ["S1a", "S1b", "S5a", "S5b", "S6"], (7,)
    )
    by_hand = {"S1a": 2, "S1b": 2, "S5a": 0.2, "S5b": 0.2, "S6": 1}
    for part, expected in by_hand.items():
        np.testing.assert_allclose(parts[part], expected, err_msg=part)  # what all tokens share cancels
    assert list(found([[4, 1], [1, 2]]).crossovers()) == ["S1a", "S1b", "S5a", "S5b"]
    assert found([[1], [2]], Kinds(False, 0)).crossovers() == {}


def test_levels_leave_out_what_is_no_identity_skip_and_minibatches_in_turn():
    cnn = found([[9], [1], [9], [3]], Kinds(False, 0), [False, True, False, True], n=3)
    assert cnn.levels() == pytest.approx([2, 2.05, 2, 1.95])
    assert cnn.levels_by_third().shape == (4, 3)


def test_s2b_is_the_smallest_gap_of_every_pair():
    thirds = lambda *levels: found([[level] for level in levels], Kinds(False, 0))  # noqa: E731
    vits, cnns = [thirds(3, 4, 5), thirds(1, 9, 9)], [thirds(0, 2, 2), thirds(0, 0, 9), thirds(1, 1, 1)]
    gaps = smallest_gaps(vits, cnns)
    assert gaps.shape == (2, 3, 7)
    slow = [[min(one.levels_by_third()[0] - other.levels_by_third()[0]) for other in cnns] for one in vits]
    np.testing.assert_allclose(gaps[..., 0], slow)
    np.testing.assert_allclose(gaps[..., 0], [[2, -4, 2], [1, 0, 0]])
    assert smallest_gaps(cnns, vits)[0, 0, 0] == pytest.approx(-3)  # no mirror image: it is a minimum again


def test_a_third_without_identity_skips_does_not_count():
    vit, cnn = found([[3], [4], [5]], Kinds(False, 0)), found([[9], [3], [1]], Kinds(False, 0), [False, True, True])
    assert smallest_gaps([vit], [cnn])[0, 0] == pytest.approx([1] * 7)
    assert np.isnan(smallest_gaps([vit], [found([[1]] * 3, Kinds(False, 0), [False] * 3)])).all()


def test_a_dead_branch_and_no_image_are_refused():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    nn.init.zeros_(model.blocks[3].mlp.fc2.weight)
    with pytest.raises(InputError, match=r"^the model must .* branches add something, .*; blocks.3.mlp adds 0"):
        norm_ratio.measure_ratios(model, [images()])
    with pytest.raises(InputError, match="at least one full minibatch"):
        norm_ratio.measure_ratios(model, [])


def test_a_skip_that_carries_nothing_is_refused():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    nn.init.zeros_(model.cls_token)
    nn.init.zeros_(model.pos_embed)
    with pytest.raises(InputError, match=r"branches add something, .*; blocks.0.attn adds 0, or to 0"):
        norm_ratio.measure_ratios(model, [images()])


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_vectors_whose_squares_float32_does_not_hold_have_the_same_ratio(scale, generator):
    z, f = torch.randn(2, 3, 5, 8, generator=generator)
    for found, plain in zip(compare_tokens(scale * z, scale * f), compare_tokens(z, f), strict=True):
        torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)


def test_mean_norms_are_of_the_tokens_whose_ratio_counts():
    ratio, skip = torch.tensor([[2.0, 0.5, math.nan]], dtype=torch.float64), torch.tensor([[4.0, 1.0, 9.0]])
    found = Tokens.of(Kinds(False, 0), ratio, ratio, True, skip)
    assert np.exp(found.log_norms) == pytest.approx([2.5 / 2])  # skips of 4 and 1, branches of 2 and 2
    assert np.exp(found.log_mean) == pytest.approx([1.25]) and np.exp(found.log_ratio) == pytest.approx([1])
