"""Patches of 90 % of the attention against pixels of the object: toys, a slow oracle, and no look at the answer."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid, read_maps
from seelike.measures.attention_segments import (
    Segments,
    choose_above_mean,
    choose_patches,
    jaccard,
    read_last_attention,
)
from seelike.measures.runner import Cast, feed
from seelike.system.errors import InputError

GRID = Grid(2, 2, 4, 4, 1)


def test_the_fewest_patches_that_hold_the_mass():
    attention = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.25, 0.25, 0.25, 0.25], [0.0, 0.95, 0.05, 0.0]])
    chosen = choose_patches(attention)
    assert chosen.tolist() == [[True, True, True, False], [True] * 4, [False, True, False, False]]
    assert torch.equal(choose_patches(3 * attention), chosen)  # as CLS leaves some for itself


def test_chosen_patches_agree_with_adding_up_one_by_one():
    attention = torch.rand(20, 9, generator=torch.Generator().manual_seed(0)).double()
    for weights, chosen in zip(attention, choose_patches(attention, 0.7), strict=True):
        total, expected = 0.0, set()
        for patch in sorted(range(9), key=lambda i: -weights[i]):
            if total < 0.7 * weights.sum():
                expected.add(patch)
                total += weights[patch]
        assert set(chosen.nonzero()[:, 0].tolist()) == expected


def test_the_index_of_one_patch_of_four():
    patches = torch.tensor([[[[True, False], [False, False]]]])
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :4, :2] = True
    assert jaccard(patches, mask).tolist() == [[0.5]]
    assert jaccard(patches, ~mask).item() == pytest.approx(8 / 64)
    assert jaccard(~patches, mask).item() == 0


def segment(*weights: list[float], **how: str) -> Segments:
    """Heads that attend as these lists say, in eight images whose object is the upper left patch."""
    attention = torch.tensor(weights).expand(8, -1, -1)
    masks = torch.zeros(8, 8, 8, dtype=torch.bool)
    masks[:, :4, :4] = True
    return Segments.of({"attention": attention}, GRID, masks, 4, **how)


def test_the_best_head_is_held_against_the_whole_image():
    found = segment([0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01])
    assert found.heads[0].tolist() == [1.0, 0.0] and found.everything.tolist() == [0.25] * 4
    assert found.gains() == pytest.approx([0.75] * 5)
    assert found.array().axes["chosen by"] == ["head 0", "head 1", "whole image"]
    assert segment([0.25] * 4).gains() == pytest.approx([0.0] * 5)


def test_a_head_is_not_chosen_on_the_images_that_it_is_judged_by():
    """Heads that are right on one half of the draws each, and wrong on the other."""
    heads = np.array([[1.0, 0.0], [0.0, 1.0]] * 4)
    assert Segments(heads, np.zeros(8)).gains()[0] == 0


def test_what_is_read_is_the_first_row_of_the_last_map():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    images = torch.randn(4, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    read = read_last_attention(Architecture.of(model, images), 4)
    cast = Cast({"vit": model})
    cast.add("vit", read)
    (found,) = feed([{"vit": images}], cast)[read].values()
    expected = list(read_maps(model, images).values())[-1][:, :, 0, 1:]
    torch.testing.assert_close(found, expected)


def test_a_model_without_cls_is_refused():
    model = timm.create_model("vit_pocket_patch8_gap_56").eval()
    with pytest.raises(InputError, match="must have a CLS token"):
        read_last_attention(Architecture.of(model, torch.zeros(1, 3, 56, 56)), 4)


def test_more_than_an_equal_share():
    attention = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.25, 0.25, 0.25, 0.25]])
    assert choose_above_mean(attention).tolist() == [[True, True, False, False], [False] * 4]
    assert torch.equal(choose_above_mean(3 * attention), choose_above_mean(attention))


@pytest.mark.parametrize(("marked", "index"), [("0.8", 1.0), ("0.9", 0.5), ("0.95", 0.5), ("mean", 1.0)])
def test_what_is_marked_decides_how_much_is_the_object(marked, index):
    found = segment([0.85, 0.15, 0.0, 0.0], marked=marked)
    assert found.heads.tolist() == [[index]] * 4


def test_the_mean_map_of_equal_heads_is_theirs_and_of_others_is_not():
    right, wrong = [0.97, 0.01, 0.01, 0.01], [0.01, 0.97, 0.01, 0.01]
    assert segment(right, right, heads="average").gains() == pytest.approx(segment(right, right).gains())
    assert segment(right, wrong, heads="average").gains() == pytest.approx([0.25] * 5)  # both patches: a half of two
