"""Same-block CKA: what is known by hand, a slow oracle, models that are each other's, and effects D1, D2 and D6."""

import copy

import numpy as np
import pytest
import timm
import torch
from together import measure_together

from seelike.activations.flattened import stream
from seelike.chapters.verdicts import judge
from seelike.measures.corresponding_layers import Pairing, fine_tuning_gap, low_high_cka_gap
from seelike.results.claims import CLAIMS
from seelike.system.errors import InputError

PAIRS = {"vit_3pct": "vit", "vit_near": "vit", "vit_far": "vit", "vit_small_3pct": "vit_small"}


def compare_blocks(models, minibatches, pairs):
    return measure_together(models, minibatches, Pairing, pairs)


def minibatches(names, n: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n):
        images = torch.randn(8, 3, 56, 56, generator=generator)
        yield dict.fromkeys(names, images)


def perturbed(model, blocks):
    """The same model, but some of its blocks as another seed draws them."""
    other, drawn = copy.deepcopy(model), timm.create_model("vit_pocket_patch8_56", seed=1)
    for block in blocks:
        other.blocks[block].load_state_dict(drawn.blocks[block].state_dict())
    return other


class Chain(torch.nn.Module):
    """Linear blocks one after another, on all pixels."""

    def __init__(self, weights):
        super().__init__()
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(*w.shape[::-1], bias=False) for w in weights)
        for block, w in zip(self.blocks, weights, strict=True):
            block.weight.data = w

    def group_matcher(self, coarse):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        x = x.flatten(1)
        for block in self.blocks:
            x = block(x)
        return x


def chain_weights(n: int = 3, width: int = 6):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(width, 48 if i == 0 else width, generator=generator) for i in range(n)]


def small_images(names, n: int = 5):
    generator = torch.Generator().manual_seed(0)
    return [dict.fromkeys(names, torch.randn(8, 3, 4, 4, generator=generator)) for _ in range(n)]


@pytest.fixture(scope="module")
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval()


def test_effects_are_means_of_thirds_and_halves():
    cka = np.array([1, 0.8, 0.5, 0.5, 0.5, 0.5, 0.2, 0.4])  # thirds of 8 blocks: two
    assert low_high_cka_gap(cka) == pytest.approx(0.6)
    assert low_high_cka_gap(cka[::-1]) == pytest.approx(-0.6)
    assert low_high_cka_gap(np.full(8, 0.3)) == 0
    near, far = np.array([1, 1, 0.9, 0.9, 0.5, 0.8, 0.7]), np.array([1, 1, 0.9, 0.9, 0.5, 0.4, 0.3])
    # lower half: the first three of seven, (1 + 1 + 0.9) / 3 in both; highest third: 0.75 and 0.35
    assert fine_tuning_gap(near, far) == pytest.approx(min(2.9 / 3 - 0.55, 0.4))
    assert fine_tuning_gap(far, near) == pytest.approx(-0.4)
    assert fine_tuning_gap(near[::-1], near[::-1] - 0.1) < 0  # the lower blocks moved more


def test_agrees_with_cka_computed_slowly(vit):
    """Unbiased HSIC by the formula of Song et al., the diagonals set to zero, in loops over minibatches and blocks."""
    other = perturbed(vit, [3])
    names = [f"blocks.{i}" for i in range(8)]
    found = compare_blocks({"vit": vit, "vit_3pct": other}, minibatches(["vit", "vit_3pct"], 2), {"vit_3pct": "vit"})

    def hsic(x, y):
        n, ones = len(x), torch.ones(len(x), dtype=torch.float64)
        k, l = (z.double() @ z.double().T for z in (x, y))  # noqa: E741
        k.fill_diagonal_(0), l.fill_diagonal_(0)
        within = (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
        return float(((k @ l).trace() + within - 2 / (n - 2) * ones @ k @ l @ ones) / (n * (n - 3)))

    for i, name in enumerate(names):
        sums = np.zeros(3)
        for images in minibatches(["x"], 2):
            x, y = (next(stream(model, [images["x"]], [name]))[name] for model in (other, vit))
            sums += hsic(x, y), hsic(x, x), hsic(y, y)
        assert found.values["vit_3pct"][i] == pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]), abs=1e-6)


def test_blocks_below_a_change_are_the_same_and_d1_sees_it(vit):
    models = {"vit": vit, "vit_3pct": perturbed(vit, [5, 6, 7])}
    found = compare_blocks(models, minibatches(models), {"vit_3pct": "vit"})
    values = found.values["vit_3pct"]
    assert (values[:5] == 1).all() and (values[5:] < 0.999).all()
    estimate = found.estimates(0)["D1"]
    assert estimate.effect == pytest.approx(values[:2].mean() - values[-2:].mean())
    assert 0 < estimate.low <= estimate.effect <= estimate.high
    assert judge(CLAIMS["D1"], estimate) == "holds"


def test_a_rotated_and_scaled_model_is_the_same_and_a_stretched_one_is_not():
    first, *rest = chain_weights()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(2)))[0]
    stretch = torch.diag(torch.tensor([9.0, 1, 1, 1, 1, 1]))
    for change, same in ((3 * turn, True), (stretch, False)):
        changed = Chain([change @ first, rest[0] @ change.inverse(), rest[1]])
        models = {"vit": Chain([first, *rest]), "vit_3pct": changed}
        values = compare_blocks(models, small_images(models), {"vit_3pct": "vit"}).values["vit_3pct"]
        assert values[1:] == pytest.approx([1, 1], abs=1e-6)  # the change was undone
        assert (values[0] == pytest.approx(1, abs=1e-6)) == same


def test_the_order_of_a_pair_does_not_matter_and_unrelated_models_share_little():
    generator = torch.Generator().manual_seed(3)
    one = Chain(chain_weights())
    other = Chain([torch.randn(w.shape, generator=generator) for w in chain_weights()])
    there = compare_blocks({"a": one, "b": other}, small_images("ab", 20), {"a": "b"}).values["a"]
    back = compare_blocks({"a": other, "b": one}, small_images("ab", 20), {"a": "b"}).values["a"]
    np.testing.assert_array_equal(there, back)
    assert (np.abs(there) < 0.4).all()


def test_models_of_one_initial_state_are_exactly_the_same_and_every_effect_is_open():
    models = {role: timm.create_model("vit_pocket_patch8_56") for role in ("vit", "vit_3pct", "vit_near", "vit_far")}
    models |= {role: timm.create_model("vit_smallpocket_patch8_56") for role in ("vit_small", "vit_small_3pct")}
    found = compare_blocks(models, minibatches(models), PAIRS)
    assert all((values == 1).all() for values in found.values.values())
    estimates = found.estimates(0)
    assert sorted(estimates) == ["D1", "D2", "D6"]
    for claim, estimate in estimates.items():
        assert (estimate.effect, estimate.low, estimate.high) == (0, 0, 0)
        assert judge(CLAIMS[claim], estimate) == "open"


def test_large_and_small_models_swapped_flip_the_sign_of_d2():
    whole, changed = Chain(chain_weights()), Chain([*chain_weights()[:2], -chain_weights(4)[3]])
    half = Chain([chain_weights()[0], chain_weights(4)[3], chain_weights()[2]])
    models = {"vit": whole, "vit_small": whole, "vit_3pct": changed, "vit_small_3pct": half}
    swapped = models | {"vit_3pct": half, "vit_small_3pct": changed}
    pairs = {"vit_3pct": "vit", "vit_small_3pct": "vit_small"}
    one, other = (compare_blocks(m, small_images(m), pairs).estimates(0) for m in (models, swapped))
    assert one["D2"].effect == pytest.approx(-other["D2"].effect) and abs(one["D2"].effect) > 0.01


def test_claims_whose_models_are_not_there_are_left_out(vit):
    models = {"vit": vit, "vit_10pct": vit, "vit_near": vit, "cnn": timm.create_model("resnet_pocket")}
    found = compare_blocks(models, minibatches(models), {"vit_10pct": "vit", "vit_near": "vit"})
    assert found.estimates(0) == {}
    assert set(found.blocks) == {"vit", "vit_10pct", "vit_near"}  # the CNN is compared with nothing


def test_refuses_models_of_other_blocks_and_of_two_blocks():
    models = {"vit": timm.create_model("vit_pocket_patch8_56"), "vit_3pct": timm.create_model("resnet_pocket")}
    with pytest.raises(InputError, match="vit_3pct must have the blocks of vit, with which it is compared: it has 10"):
        compare_blocks(models, minibatches(models), {"vit_3pct": "vit"})
    shallow = dict.fromkeys(("vit", "vit_3pct"), Chain(chain_weights(2)))
    with pytest.raises(InputError, match="vit_3pct must have at least 3 blocks to compare, not 2"):
        compare_blocks(shallow, small_images(shallow), {"vit_3pct": "vit"})


def test_names_the_model_whose_activations_say_nothing():
    dead = Chain([torch.zeros(6, 48), *chain_weights()[1:]])
    models = {"vit": Chain(chain_weights()), "vit_3pct": dead}
    with pytest.raises(InputError, match=r"^vit_3pct \(Chain\): layer blocks\.0: activations are the same"):
        compare_blocks(models, small_images(models), {"vit_3pct": "vit"})
    with pytest.raises(InputError, match="at least one full minibatch"):
        compare_blocks(models, [], {"vit_3pct": "vit"})
