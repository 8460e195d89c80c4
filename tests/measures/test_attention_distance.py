"""Attention distance: closed forms, a slow oracle, an invariance and its limit, bad input."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.attention import Grid
from seelike.measures import attention_distance
from seelike.measures.attention_distance import AttentionDistance, find_terms, mean_distance
from seelike.measures.intervals import combine, estimate
from seelike.system.errors import InputError

GRID = Grid(4, 4, 8, 8, 1)


def random_attention(generator, grid=GRID, n=2, heads=3):
    return torch.rand(n, heads, grid.n_tokens, grid.n_tokens, generator=generator).softmax(-1)


def test_uniform_attention_has_the_mean_distance_of_the_grid():
    n, g, patch = 17, 4, 8
    attention = torch.full((1, 2, n, n), 1 / n)
    pairs = [
        patch * np.hypot(a - c, b - d) for a in range(g) for b in range(g) for c in range(g) for d in range(g)
    ]  # all ordered pairs, each patch with itself among them
    np.testing.assert_allclose(mean_distance(attention, GRID), [np.mean(pairs)] * 2)
    assert AttentionDistance((), GRID, None).uniform == pytest.approx(np.mean(pairs))


def test_attention_to_itself_and_to_the_neighbour():
    assert mean_distance(torch.eye(17).expand(1, 1, 17, 17), GRID).item() == 0
    step = torch.zeros(16, 16)
    for patch in range(16):
        step[patch, patch + 1 if patch % 4 < 3 else patch - 1] = 1
    attention = torch.zeros(1, 1, 17, 17)
    attention[0, 0, 0, 0] = 1
    attention[0, 0, 1:, 1:] = step
    assert mean_distance(attention, GRID).item() == pytest.approx(8)


def test_agrees_with_four_loops(generator):
    attention = random_attention(generator)
    expected = np.zeros(3)
    for head in range(3):
        for image in range(2):
            for query in range(16):
                weights = attention[image, head, 1 + query, 1:].double().numpy()
                weights = weights / weights.sum()
                for key in range(16):
                    apart = 8 * np.hypot(query // 4 - key // 4, query % 4 - key % 4)
                    expected[head] += weights[key] * apart / 32
    np.testing.assert_allclose(mean_distance(attention, GRID), expected)


def test_what_goes_to_the_cls_token_does_not_count_but_where_the_rest_goes_does(generator):
    attention = random_attention(generator)
    drawn_off = attention.clone()
    drawn_off[..., 1:] *= 0.3
    drawn_off[..., 0] = 1 - drawn_off[..., 1:].sum(-1)
    torch.testing.assert_close(mean_distance(drawn_off, GRID), mean_distance(attention, GRID))
    mixed = attention[..., torch.randperm(17, generator=generator)]
    assert (mean_distance(mixed, GRID) - mean_distance(attention, GRID)).abs().min() > 1e-4


def test_a_mirrored_picture_has_the_same_distances(generator):
    attention = random_attention(generator)
    mirrored = torch.cat([torch.zeros(1).long(), 1 + torch.arange(16).view(4, 4).flip(1).flatten()])
    torch.testing.assert_close(
        mean_distance(attention[..., mirrored, :][..., mirrored], GRID), mean_distance(attention, GRID)
    )


def test_all_attention_on_the_cls_token_is_no_division_by_zero():
    attention = torch.zeros(1, 1, 17, 17)
    attention[..., 0] = 1
    assert mean_distance(attention, GRID).item() == 0


def test_bad_attention_is_refused(generator):
    with pytest.raises(InputError, match="rows of an attention map must sum to 1"):
        mean_distance(2 * random_attention(generator), GRID)
    with pytest.raises(InputError, match="attention must be among 17 tokens"):
        mean_distance(random_attention(generator)[..., :10], GRID)


def of(minibatches) -> AttentionDistance:
    return AttentionDistance((), GRID, minibatches * AttentionDistance((), GRID, None).uniform)


def test_effects_by_hand():
    shares = np.full((6, 6, 3), 0.9)
    shares[:, 1, 2], shares[:, 0, 1], shares[:, 4, 0] = 0.2, 0.95, 0.5
    shares[:, 2, 0], shares[:, 3, 0] = 0.1, 1.5  # in blocks that are not asked
    values = [attention_distance.most_local_low(shares), attention_distance.most_global_low(shares)]
    assert values == pytest.approx([0.2, 0.95])
    assert attention_distance.most_local_high(shares) == pytest.approx(0.5)
    mirrored = shares[:, ::-1]
    assert attention_distance.most_local_low(mirrored) == pytest.approx(0.5)
    assert attention_distance.most_local_high(mirrored) == pytest.approx(0.2)
    assert attention_distance.most_local_low(shares[..., [2, 0, 1]]) == pytest.approx(0.2)  # whichever head it is


def test_terms_are_shares_of_the_uniform_distance_of_each_model():
    vit, low_data = np.full((8, 4, 2), 0.9), np.full((8, 4, 2), 0.8)
    vit[:, 0, 0] = np.linspace(0.3, 0.5, 8)
    found = find_terms({"vit": of(vit), "vit_low_data": of(low_data)})
    assert [found[part][("vit",)][0] for part in ("A1a", "A1b", "A1c")] == pytest.approx([0.4, 0.9, 0.9])
    assert sorted(found["A2a"]) == [("vit",), ("vit_low_data",)]
    assert combine({roles: [each] for roles, each in found["A2a"].items()}).effect == pytest.approx(0.8 - 0.4)
    assert found["A2b"] == {("vit_low_data",): pytest.approx(np.full(9, 0.8))}
    left_out = [np.delete(vit[:, 0, 0], i).mean() for i in range(8)]
    np.testing.assert_allclose(found["A1a"]["vit",][1:], left_out)  # the slow way
    assert sorted(find_terms({"vit": of(vit)})) == ["A1a", "A1b", "A1c"]


def test_one_minibatch_gives_no_interval():
    found = estimate(find_terms({"vit": of(np.full((1, 4, 2), 0.9))})["A1a"]["vit",])
    assert found.effect == pytest.approx(0.9) and np.isnan(found.low)


def test_measures_a_model_in_minibatches():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    x = torch.randn(12, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    found = attention_distance.measure_distances(model, x.split(2))
    whole = attention_distance.measure_distances(model, [x])
    assert found.values.shape == (8, 4)
    np.testing.assert_allclose(found.values, whole.values, rtol=1e-5)
    entry = found.array()
    assert entry.axes["block"][0] == "blocks.0" and len(entry.axes["head"]) == 4
    effect = find_terms({"vit": found})["A1c"]["vit",][0]
    assert effect == pytest.approx(found.values[-2:].min() / found.uniform)


def test_a_cnn_and_no_image_are_refused():
    with pytest.raises(InputError, match="^the model must be a ViT"):
        attention_distance.measure_distances(timm.create_model("resnet_pocket"), [torch.zeros(4, 3, 56, 56)])
    with pytest.raises(InputError, match="at least one full minibatch"):
        attention_distance.measure_distances(timm.create_model("vit_pocket_patch8_56"), [])
