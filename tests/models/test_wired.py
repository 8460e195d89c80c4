"""Attention that starts as a convolution: what it computes by hand, its control, and its release."""

from dataclasses import replace
from itertools import combinations

import pytest
import timm
import torch

from seelike.models.recipe_kinds import WiredRecipe
from seelike.models.recipes import RECIPES, SHAPES, WIRED_STEPS, compare_starts
from seelike.models.wired import NOWHERE, OFFSETS, WiredAttention, find_targets, find_wired, permute, spread, wire

GRID = (3, 4)
NAME = f"{SHAPES.name('wired')}.shapes"


@pytest.fixture
def attention(generator):
    made = WiredAttention(9, GRID)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    return made.eval()


def read_maps(attention: WiredAttention, x: torch.Tensor) -> torch.Tensor:
    """(images, heads, queries, keys)."""
    maps = []
    hook = attention.attn_drop.register_forward_hook(lambda *inputs: maps.append(inputs[1][0]))
    attention(x)
    hook.remove()
    return maps[0]


def test_targets_are_the_nine_patches_around_a_query():
    targets = find_targets((2, 3)).T.tolist()  # patches 0 1 2 above 3 4 5
    off = NOWHERE
    assert targets[0] == [off, off, off, off, 0, 1, off, 3, 4]
    assert targets[4] == [0, 1, 2, 3, 4, 5, off, off, off]


def test_a_permutation_deals_the_same_patches_out_anew_for_each_query():
    targets = find_targets((5, 5))
    dealt = permute(targets, seed=3)
    assert torch.equal(dealt.sort(0).values, targets.sort(0).values)
    assert torch.equal(dealt, permute(targets, seed=3)) and not torch.equal(dealt, permute(targets, seed=4))
    shifts = (dealt[:, 12] != targets[:, 12]), (dealt[:, 6] != targets[:, 6])
    assert all(moved.any() for moved in shifts)
    inner = [6, 7, 8, 11, 12, 13, 16, 17, 18]  # whose nine patches all exist
    assert (targets[:, inner] - torch.tensor(inner)).unique(dim=1).shape[1] == 1  # one offset a head: a convolution
    assert (dealt[:, inner] - torch.tensor(inner)).unique(dim=1).shape[1] > 1


def test_a_table_of_offsets_is_spread_over_pairs_of_patches():
    """Slow: pair by pair."""
    rows, columns = GRID
    table = torch.randn(2, 2 * rows - 1, 2 * columns - 1, generator=torch.Generator().manual_seed(0))
    pairs = spread(table)
    for query in range(rows * columns):
        for key in range(rows * columns):
            down, right = key // columns - query // columns, key % columns - query % columns
            assert torch.equal(pairs[:, query, key], table[:, down + rows - 1, right + columns - 1])


def test_hard_wired_heads_are_a_convolution_over_patches(attention, generator):
    """With an endless pull, inside the image: values shifted by each head's offset, then mixed, as `conv2d` does."""
    attention.q_norm.share.fill_(0)
    attention.strength.fill_(100.0)
    attention.double()
    x = torch.randn(2, 12, 9, generator=generator).double()
    kernel = torch.zeros(9, 9, 3, 3).double()
    value = attention.qkv.weight[18:]
    for head, (down, right) in enumerate(OFFSETS):
        kernel[:, :, down + 1, right + 1] = attention.proj.weight[:, head : head + 1] @ value[head : head + 1]
    bias = attention.proj.weight @ attention.qkv.bias[18:] + attention.proj.bias
    wanted = torch.conv2d(x.mT.unflatten(2, GRID), kernel, bias)  # (2, 9, 1, 2): the inner patches
    found = attention(x).mT.unflatten(2, GRID)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)
    attention.targets.copy_(permute(attention.targets, seed=0))
    assert (attention(x).mT.unflatten(2, GRID)[:, :, 1:-1, 1:-1] - wanted).abs().max() > 0.1


def test_a_finite_pull_leaves_weight_to_the_others_and_none_where_a_patch_is_missing(attention, generator):
    attention.q_norm.share.fill_(0)
    attention.strength.fill_(5.0)
    maps = read_maps(attention, torch.randn(2, 12, 9, generator=generator))
    most = torch.e**5 / (torch.e**5 + 11)
    for head, targets in enumerate(attention.targets):
        for query, target in enumerate(targets.tolist()):
            wanted = torch.full((12,), 1 / 12 if target == NOWHERE else (1 - most) / 11)
            if target != NOWHERE:
                wanted[target] = most
            torch.testing.assert_close(maps[:, head, query], wanted.expand(2, -1))


def test_what_is_held_has_no_gradient_and_what_is_released_has_one(attention, generator):
    for share in (0.0, 0.5):
        attention.q_norm.share.fill_(share)
        attention.zero_grad()
        attention(torch.randn(2, 12, 9, generator=generator)).square().sum().backward()
        held = (attention.qkv.weight.grad[:18], attention.relative.grad, attention.pull_bias.grad)
        assert all((gradient != 0).any() == bool(share) for gradient in held)
        assert (attention.qkv.weight.grad[18:] != 0).any()


def test_released_it_is_attention_with_a_relative_bias(attention, generator):
    x = torch.randn(2, 12, 9, generator=generator)
    queries, keys, _ = attention.qkv(x).view(2, 12, 3, 9, 1).permute(2, 0, 3, 1, 4)
    pull = attention.pull_bias[:, None, None] * (attention.targets[..., None] == torch.arange(12))
    wanted = (queries @ keys.mT + pull + spread(attention.relative)).softmax(-1)
    torch.testing.assert_close(read_maps(attention, x), wanted)


def test_a_recipe_holds_for_a_third_and_releases_as_fast_as_it_warms_up():
    recipe = WiredRecipe(steps=90, warmup=10, wiring="convolution")
    assert [recipe.release_at(step) for step in (0, 30, 35, 40, 89)] == [0, 0, 0.5, 1, 1]
    assert replace(recipe, wiring="free").release_at(0) == 1


def test_the_three_starts_differ_in_their_wiring_alone():
    rows = {change: recipe for _, change, recipe in compare_starts(SHAPES.vit)}
    wirings = {"": "free", "_twophase": "convolution", "_permuted": "permuted"}
    assert set(rows) == {f"{change}{share}" for change in wirings for share in ("", "_3pct")}
    for change, wiring in wirings.items():
        assert rows[change] == replace(rows[""], wiring=wiring)
        assert rows[f"{change}_3pct"] == replace(rows[change], images=rows[change].images * 3 // 100)
        assert rows[change].steps == WIRED_STEPS


def test_a_name_says_how_its_heads_are_wired_at_the_start():
    states = {change: timm.create_model(f"{NAME}{change}") for change in ("", "_twophase", "_permuted")}
    strengths = {change: find_wired(model)[3].strength.item() for change, model in states.items()}
    assert strengths == {"": 0, "_twophase": 5, "_permuted": 5}
    shares = {change: find_wired(model)[3].q_norm.share.item() for change, model in states.items()}
    assert shares == {"": 1, "_twophase": 0, "_permuted": 0}
    own, phased, permuted = (find_wired(model)[3].targets for model in states.values())
    assert torch.equal(own, phased) and not torch.equal(own, permuted)
    for key, value in states[""].named_parameters():
        assert all(torch.equal(model.get_parameter(key), value) for model in states.values())
    assert RECIPES[f"{NAME}_twophase_3pct_seed2"].seed == 2


def test_each_block_and_each_seed_has_a_permutation_of_its_own():
    targets = []
    for seed in (0, 1):
        model = timm.create_model(NAME)
        wire(model, "permuted", 0.0, seed)
        targets += [attention.targets for attention in find_wired(model)[:2]]
    assert not any(torch.equal(one, other) for one, other in combinations(targets, 2))
