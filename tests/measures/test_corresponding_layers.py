"""Same-block CKA: what is known by hand, a slow oracle, models that are each other's, and terms of D1, D2 and D6."""

import copy
from itertools import combinations

import numpy as np
import pytest
import timm
import torch
from together import measure_together

from seelike.activations.flattened import stream
from seelike.measures import intervals
from seelike.measures.corresponding_layers import (
    EFFECTS,
    Counterparts,
    Pairing,
    draw_curves,
    fall_by_depth,
    highest_part,
    low_high_cka_gap,
    lower_half,
    lowest_part,
    share_of_pairs,
)
from seelike.measures.similarities.all_pairs import Similarity
from seelike.system.errors import InputError

PAIRS = {"vit_3pct": "vit", "vit_near": "vit", "vit_far": "vit", "vit_small_3pct": "vit_small"}
TASKS = ("vit", "vit_near", "vit_far")


def compare_blocks(models, minibatches, pairs) -> Counterparts:
    """Of one run, each pair called by its first model."""
    (found,) = measure_together(models, minibatches, Pairing, [{one: (one, other) for one, other in pairs.items()}])
    return found


def made_up(number: int, pairs: dict, curves: dict, twins=(), n: int = 10, noise: float = 0.0) -> Counterparts:
    """Counterparts of which the CKA is known: (one, other) → (blocks,); each minibatch has its own, about it."""
    names = {model: tuple(f"{i}" for i in range(len(curve))) for pair, curve in curves.items() for model in pair}
    layers = [f"{model}/{block}" for model, blocks in names.items() for block in blocks]
    index = {layer: i for i, layer in enumerate(layers)}
    hsic = np.tile(np.eye(len(layers)), (n, 1, 1))
    rng = np.random.default_rng(0)
    for (one, other), curve in curves.items():
        for block, cka in enumerate(curve):
            i, j = index[f"{one}/{block}"], index[f"{other}/{block}"]
            hsic[:, i, j] = hsic[:, j, i] = cka + noise * rng.standard_normal(n)
    draws = draw_curves(Similarity(tuple(layers), hsic), names, curves)
    return Counterparts(number, pairs, names, draws, tuple(twins))


def effect_of(terms) -> float:
    return float(sum(replicates[0] for replicates in terms.values()))


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


def chain_of_seed(seed: int) -> Chain:
    generator = torch.Generator().manual_seed(seed)
    return Chain([torch.randn(w.shape, generator=generator) for w in chain_weights()])


def small_images(names, n: int = 5):
    generator = torch.Generator().manual_seed(0)
    return [dict.fromkeys(names, torch.randn(8, 3, 4, 4, generator=generator)) for _ in range(n)]


@pytest.fixture(scope="module")
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval()


def test_effects_are_means_of_thirds_and_halves():
    cka = np.array([1, 0.8, 0.5, 0.5, 0.5, 0.5, 0.2, 0.4])  # thirds of 8 blocks: two
    assert (lowest_part(cka), highest_part(cka)) == (pytest.approx(0.9), pytest.approx(0.3))
    assert low_high_cka_gap(cka) == pytest.approx(0.6)
    assert low_high_cka_gap(cka[::-1]) == pytest.approx(-0.6)
    assert low_high_cka_gap(np.full(8, 0.3)) == 0
    assert lower_half(cka) == pytest.approx(0.7) and lower_half(cka[:7]) == pytest.approx(2.3 / 3)
    near, far = np.array([1, 1, 0.9, 0.9, 0.5, 0.8, 0.7]), np.array([1, 0.8, 0.9, 0.9, 0.5, 0.4, 0.3])
    effects = {part: EFFECTS[part][TASKS]({"vit_near": near, "vit_far": far}) for part in ("D6a", "D6b", "D6c")}
    # lower half: the first three of seven, (1 + 0.9 + 0.9) / 3 of both; highest third: 0.75 and 0.35
    assert effects == pytest.approx({"D6a": 2.8 / 3, "D6b": 2.8 / 3 - 0.55, "D6c": 0.4})
    swapped = {part: EFFECTS[part][TASKS]({"vit_near": far, "vit_far": near}) for part in effects}
    assert swapped == pytest.approx(effects | {"D6c": -0.4})


def test_the_fall_by_depth_is_of_the_curve_and_not_of_its_blocks():
    assert fall_by_depth(np.array([1.0, 0])) == pytest.approx(5 / 6 - 1 / 6)
    assert fall_by_depth(np.full(6, 0.4)) == pytest.approx(0)
    bent = np.array([1, 1, 0.4, 0.4])  # knees at a third and at two thirds of the depth
    assert fall_by_depth(bent) == pytest.approx(0.6) and fall_by_depth(bent[::-1]) == pytest.approx(-0.6)
    coarse = np.array([0.9, 0.5, 0.2])
    fine = np.interp(np.linspace(0, 1, 9), np.linspace(0, 1, 3), coarse)  # one curve at three and at nine depths
    assert fall_by_depth(fine) == pytest.approx(fall_by_depth(coarse))
    assert low_high_cka_gap(fine) != pytest.approx(low_high_cka_gap(coarse))
    uneven = np.array([0.9, 0.3, 0.7, 0.1, 0.8, 0.2, 0.6, 0.5])
    steps = np.interp((np.arange(30_000) + 0.5) / 30_000, np.linspace(0, 1, 8), uneven)  # slowly
    assert fall_by_depth(uneven) == pytest.approx(steps[:10_000].mean() - steps[20_000:].mean(), abs=1e-7)


def test_shares_of_a_mean_over_pairs_are_what_each_model_adds_twice():
    pairs, adds = list(combinations(range(4), 2)), np.array([0.1, 0.5, -0.2, 0.3])
    of = lambda values: [share_of_pairs(values, np.array([i in pair for pair in pairs])) for i in range(4)]  # noqa: E731
    assert of(np.array([adds[i] + adds[j] for i, j in pairs])) == pytest.approx(2 * adds)
    values = np.random.default_rng(0).random(6)
    assert np.mean(of(values)) == pytest.approx(values.mean()) and len(set(of(values))) == 4
    assert share_of_pairs(np.array([0.7]), np.array([True])) == 0.7


def test_d1_is_what_three_percent_gives_less_what_twins_give():
    little, alike, apart = np.array([0.6, 0.4, 0.1]), np.array([0.8, 0.7, 0.6]), np.array([0.9, 0.6, 0.3])
    curves = {("vit_3pct", "vit"): little, ("vit", "vit_run2"): alike, ("vit_3pct_run2", "vit_run2"): alike}
    twins = ("vit", "vit_run2")
    one = made_up(0, {"vit_3pct": ("vit_3pct", "vit")}, curves, twins).terms()
    assert one.keys() == {"D1a", "D1b"}
    assert all(terms.keys() == {("vit", "vit_3pct"), ("vit",)} for terms in one.values())
    assert effect_of(one["D1a"]) == pytest.approx(0.5 - 0.2) and effect_of(one["D1b"]) == pytest.approx(0.6 - 0.8)
    other = made_up(1, {"vit_3pct": ("vit_3pct_run2", "vit_run2")}, curves, twins).terms()
    assert set(other["D1a"]) == {("vit", "vit_3pct")}  # one pair of twins is one number
    assert effect_of(other["D1a"]) == pytest.approx(0.2)
    three = curves | {("vit", "vit_run3"): apart, ("vit_run2", "vit_run3"): apart}
    of = [made_up(i, {}, three, (*twins, "vit_run3")).terms()["D1a"]["vit",][0] for i in range(3)]
    assert np.mean(of) == pytest.approx(-(0.2 + 0.6 + 0.6) / 3)
    assert of == pytest.approx([-(3 * 1.4 / 3 - 2 * left) for left in (0.6, 0.6, 0.2)])
    assert made_up(0, {"vit_3pct": ("vit_3pct", "vit")}, curves).terms() == {}  # without a twin no D1


def test_terms_have_a_replicate_without_each_minibatch():
    curves = {("vit_3pct", "vit"): np.array([0.6, 0.4, 0.1]), ("vit", "vit_run2"): np.array([0.8, 0.7, 0.6])}
    found = made_up(0, {"vit_3pct": ("vit_3pct", "vit")}, curves, ("vit", "vit_run2"), noise=0.02)
    replicates = found.terms()["D1b"]["vit", "vit_3pct"]
    assert replicates.shape == (11,) and len(set(replicates)) == 11
    assert made_up(0, found.pairs, curves, found.twins, n=1).terms()["D1b"]["vit",].shape == (1,)


def test_curves_are_of_a_model_and_its_counterpart_without_each_minibatch_by_hand():
    rng = np.random.default_rng(1)
    products = np.einsum("nij,nkj->nik", *[rng.standard_normal((4, 6, 9))] * 2)
    layers, blocks = ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2"), {"a": ("0", "1", "2"), "b": ("2", "1", "0")}
    found = draw_curves(Similarity(layers, products), blocks, [("a", "b"), ("b", "b")])
    left_out = products[[0, 1, 3]].sum(0)  # without the third
    assert found["a", "b"].shape == (5, 3)
    assert found["a", "b"][3, 0] == pytest.approx(left_out[0, 5] / np.sqrt(left_out[0, 0] * left_out[5, 5]))
    np.testing.assert_array_equal(found["b", "b"], 1)


def test_a_later_run_gives_the_terms_that_it_has_and_the_first_run_whole_parts():
    curve = np.array([0.9, 0.5, 0.1])
    large, small = ({one: (one, of)} for one, of in (("vit_3pct", "vit"), ("vit_small_3pct", "vit_small")))
    curves = dict.fromkeys([*large.values(), *small.values()], curve)
    both = {("vit", "vit_3pct"), ("vit_small", "vit_small_3pct")}
    assert set(made_up(0, large | small, curves).terms()["D2"]) == both
    assert made_up(0, large, curves).terms() == {}
    assert set(made_up(1, large, curves).terms()["D2"]) == {("vit", "vit_3pct")}
    assert made_up(1, {}, curves).terms() == {}


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


def test_blocks_below_a_change_are_the_same_and_d6_sees_it(vit):
    models = {"vit": vit, "vit_near": perturbed(vit, [7]), "vit_far": perturbed(vit, [5, 6, 7])}
    found = compare_blocks(models, minibatches(models, 8), {"vit_near": "vit", "vit_far": "vit"})
    near, far = found.values["vit_near"], found.values["vit_far"]
    assert (far[:5] == 1).all() and (far[5:] < 0.999).all() and (near[:7] == 1).all()
    terms = found.terms()
    assert [(part, list(of)) for part, of in terms.items()] == [(f"D6{letter}", [TASKS]) for letter in "abc"]
    assert (terms["D6a"][TASKS] == 1).all()
    assert terms["D6b"][TASKS][0] == pytest.approx(1 - (near[6:] + far[6:]).mean() / 2)
    estimate = intervals.estimate(terms["D6c"][TASKS])
    assert estimate.effect == pytest.approx((near[6:] - far[6:]).mean()) and 0 < estimate.low < estimate.high


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


def test_models_of_one_initial_state_are_exactly_the_same_and_no_minibatch_tells_them_apart():
    models = {role: timm.create_model("vit_pocket_patch8_56") for role in ("vit", "vit_3pct", "vit_near", "vit_far")}
    models |= {role: timm.create_model("vit_smallpocket_patch8_56") for role in ("vit_small", "vit_small_3pct")}
    found = compare_blocks(models, minibatches(models), PAIRS)
    assert all((values == 1).all() for values in found.values.values())
    for part, terms in found.terms().items():
        assert np.array_equal(sum(terms.values()), np.full(6, float(part == "D6a")))


def test_large_and_small_models_swapped_flip_the_sign_of_d2():
    whole, changed = Chain(chain_weights()), Chain([*chain_weights()[:2], -chain_weights(4)[3]])
    half = Chain([chain_weights()[0], chain_weights(4)[3], chain_weights()[2]])
    models = {"vit": whole, "vit_small": whole, "vit_3pct": changed, "vit_small_3pct": half}
    swapped = models | {"vit_3pct": half, "vit_small_3pct": changed}
    pairs = {"vit_3pct": "vit", "vit_small_3pct": "vit_small"}
    one, other = (effect_of(compare_blocks(m, small_images(m), pairs).terms()["D2"]) for m in (models, swapped))
    assert one == pytest.approx(-other) and abs(one) > 0.01


def test_models_that_are_compared_with_none_are_left_out(vit):
    models = {"vit": vit, "vit_10pct": vit, "vit_near": vit, "cnn": timm.create_model("resnet_pocket")}
    found = compare_blocks(models, minibatches(models), {"vit_10pct": "vit", "vit_near": "vit"})
    assert found.terms() == {}
    assert set(found.blocks) == {"vit", "vit_10pct", "vit_near"}


def test_runs_and_twins_share_one_pass_and_name_their_own_models():
    models = dict(zip(("vit", "vit_3pct", "vit_run2", "vit_3pct_run2"), map(chain_of_seed, range(4)), strict=True))
    runs = [{"vit_3pct": ("vit_3pct", "vit")}, {"vit_3pct": ("vit_3pct_run2", "vit_run2")}]
    found = measure_together(models, small_images(models), Pairing, runs, ("vit", "vit_run2"))
    alone = compare_blocks(models, small_images(models), {"vit_3pct_run2": "vit_run2"})
    np.testing.assert_allclose(found[1].values["vit_3pct"], alone.values["vit_3pct_run2"])
    assert not np.allclose(found[0].values["vit_3pct"], found[1].values["vit_3pct"])
    twins = compare_blocks(models, small_images(models), {"vit_run2": "vit"}).values["vit_run2"]
    assert found[0].terms()["D1b"]["vit",][0] == pytest.approx(-twins[0])


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
