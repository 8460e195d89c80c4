"""Effects U1–U4 on similarity matrices whose answer is known by hand, and on real small models."""

import math

import numpy as np
import pytest
import timm
import torch

from seelike.activations.layers import Layer
from seelike.chapters import uniformity
from seelike.chapters.uniformity import Axes, best_match_rise, corner_cka_gap, middle_match_depth, stage_contrast_gap
from seelike.system.errors import InputError


def axes(n_vit: int, stages_of_cnn: str) -> Axes:
    vit = tuple(Layer(f"blocks.{i}", "") for i in range(n_vit))
    return Axes(vit, tuple(Layer(f"stages.{s}.{i}", s) for i, s in enumerate(stages_of_cnn)))


def test_reach_compares_the_corners():
    vit, cnn = np.full((6, 6), 0.5), np.full((7, 7), 0.5)
    vit[:2, 4:] = 0.9
    cnn[:2, 5:] = 0.1
    assert corner_cka_gap(axes(6, "aabbccd"), vit, cnn, None) == pytest.approx(0.8)
    assert corner_cka_gap(axes(7, "aabbccd"), cnn, vit, None) == pytest.approx(-0.8)


def test_stages_measure_blocks_on_the_diagonal():
    uniform = np.full((8, 8), 0.6)
    staged = np.kron(np.eye(4), np.full((2, 2), 0.7)) + 0.2
    known = axes(8, "aabbccdd")
    assert stage_contrast_gap(known, uniform, staged, None) == pytest.approx(0.7)
    assert stage_contrast_gap(known, staged, uniform, None) == pytest.approx(-0.7)
    assert stage_contrast_gap(known, staged, staged, None) == pytest.approx(0)


def test_stages_leave_out_stem_and_head_and_need_two_stages():
    staged = np.kron(np.eye(2), np.full((2, 2), 0.5)) + 0.2
    framed = np.full((6, 6), 0.99)
    framed[1:5, 1:5] = staged
    known = axes(4, "aabb")
    with_ends = Axes(known.vit, (Layer("stem", None), *known.cnn, Layer("norm", None)))
    assert stage_contrast_gap(with_ends, np.full((4, 4), 0.6), framed, None) == pytest.approx(0.5)
    assert math.isnan(stage_contrast_gap(axes(4, "aaaa"), staged, staged, None))


def test_match_of_middle_is_the_depth_of_the_best_match():
    known = axes(11, "aabbccddeef")
    assert middle_match_depth(known, None, None, np.eye(11)) == pytest.approx(0.5)  # like against like
    low = np.zeros((11, 11))
    low[2] = 1
    assert middle_match_depth(known, None, None, low) == pytest.approx(0.2)
    even = np.zeros((11, 4))
    even[3] = 1  # no layer lies between 0.4 and 0.6: the two nearest to the middle are taken
    assert middle_match_depth(axes(11, "aabb"), None, None, even) == pytest.approx(0.3)


def test_match_at_top_is_best_match_high_minus_low():
    across = np.full((6, 5), 0.1)
    across[:2, 3] = 0.8
    across[4:, 1] = 0.3
    assert best_match_rise(axes(6, "aabbc"), None, None, across) == pytest.approx(-0.5)


def minibatches(n: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n):
        images = torch.randn(8, 3, 56, 56, generator=generator)
        yield {"vit": images, "cnn": images}


def test_measures_both_models_on_the_same_images():
    vit, cnn = timm.create_model("vit_pocket_patch8_56"), timm.create_model("resnet_pocket")
    found = next(uniformity.measure_runs([{"vit": vit, "cnn": cnn}], lambda _: minibatches(5), "blocks"))
    arrays = found.arrays()["cka"]
    assert arrays["vit"].values.shape == (8, 8)
    assert arrays["cnn"].values.shape == (10, 10)
    assert arrays["vit_cnn"].values.shape == (8, 10)
    assert arrays["cnn"].boundaries == [2, 4, 7]
    assert np.diag(arrays["vit"].values) == pytest.approx(np.ones(8))
    estimates = found.estimates(seed=0)
    assert list(estimates) == ["U1", "U2", "U3", "U4"]
    assert all(e.low <= e.effect <= e.high for e in estimates.values())


def test_a_model_against_itself_lies_on_the_diagonal_and_swapping_flips_the_sign():
    vit, cnn = timm.create_model("vit_pocket_patch8_56"), timm.create_model("resnet_pocket")
    same = next(uniformity.measure_runs([{"vit": cnn, "cnn": cnn}], lambda _: minibatches(5), "blocks")).arrays()["cka"]
    assert np.diag(same["vit_cnn"].values) == pytest.approx(np.ones(10))
    one = next(uniformity.measure_runs([{"vit": vit, "cnn": cnn}], lambda _: minibatches(5), "blocks")).estimates(0)
    other = next(uniformity.measure_runs([{"vit": cnn, "cnn": vit}], lambda _: minibatches(5), "blocks")).estimates(0)
    assert one["U1"].effect == pytest.approx(-other["U1"].effect)


def test_names_the_model_and_the_layer_that_cannot_be_compared():
    """resnet18 as timm initialises it has constant branches: its last norms are zero."""
    models = {"vit": timm.create_model("vit_pocket_patch8_56"), "cnn": timm.create_model("resnet18")}
    with pytest.raises(InputError, match=r"cnn \(ResNet\): layer layer1\.0\.bn2: activations are the same"):
        next(uniformity.measure_runs([models], lambda _: minibatches(1), "all"))


def test_refuses_a_model_of_two_layers():
    class Shallow(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList(torch.nn.Conv2d(3, 3, 1) for _ in range(2))

        def group_matcher(self, coarse):
            return {"blocks": r"^blocks\.(\d+)"}

        def forward(self, x):
            return self.blocks[1](self.blocks[0](x))

    with pytest.raises(InputError, match="vit must have at least 3 layers"):
        next(
            uniformity.measure_runs(
                [{"vit": Shallow(), "cnn": timm.create_model("resnet_pocket")}], lambda _: minibatches(1), "blocks"
            )
        )
