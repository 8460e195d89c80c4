"""Attention by offset: heads of a convolution and uniform ones, by loops, an invariance and its limit, bad input."""

import numpy as np
import pytest
import torch

from seelike.activations.attention import Grid
from seelike.measures.conv_attention import relative
from seelike.measures.head_offsets import HeadOffsets, Offsets, list_offsets, mean_by_offset
from seelike.system.errors import InputError

GRID = Grid(3, 5, 8, 8, 1)


def test_offsets_reach_half_of_the_grid():
    assert list_offsets(GRID)[0] == (-1, -2) and len(list_offsets(GRID)) == 3 * 5
    assert len(list_offsets(Grid(4, 4, 8, 8, 0))) == 25


def test_a_head_of_a_convolution_has_all_at_its_offset_and_a_uniform_one_alike_at_each():
    attention = torch.full((2, 2, 16, 16), 1 / 16)
    step = relative(((0, 1),), 3, 5)[0].float()
    attention[:, 0, 1:, 1:] = torch.where(step.any(1, keepdim=True), step, 1 / 15)
    attention[:, 0, 1:, 0] = 0
    found = mean_by_offset(attention, GRID)
    assert found[0, list_offsets(GRID).index((0, 1))] == pytest.approx(1)
    np.testing.assert_allclose(found[1], np.full(15, 1 / 15), rtol=1e-5)


def test_agrees_with_loops(generator):
    attention = torch.rand(2, 3, 16, 16, generator=generator).softmax(-1)
    found, places = mean_by_offset(attention, GRID), [divmod(patch, 5) for patch in range(15)]
    for number, (down, right) in enumerate(list_offsets(GRID)):
        pairs = [
            (q, places.index((y + down, x + right)))
            for q, (y, x) in enumerate(places)
            if (y + down, x + right) in places
        ]
        rows = attention[..., 1:, 1:] / attention[..., 1:, 1:].sum(-1, keepdim=True)
        expected = torch.stack([rows[:, :, q, k] for q, k in pairs]).mean((0, 1))
        torch.testing.assert_close(found[:, number], expected)


def test_what_goes_to_the_cls_token_does_not_count_but_a_shift_of_the_patches_does(generator):
    attention = torch.rand(1, 1, 16, 16, generator=generator).softmax(-1)
    drawn_off = attention.clone()
    drawn_off[..., 1:] *= 0.3
    torch.testing.assert_close(mean_by_offset(drawn_off, GRID), mean_by_offset(attention, GRID))
    rolled = torch.cat([attention[..., :1], attention[..., 1:].roll(1, -1)], -1)
    assert not torch.allclose(mean_by_offset(rolled, GRID), mean_by_offset(attention, GRID))


def test_the_best_offset_and_how_far_it_leads():
    shares = np.zeros((1, 2, 15))
    shares[0, 0, list_offsets(GRID).index((1, -2))] = 0.7
    shares[0, 1, list_offsets(GRID).index((0, 0))] = 0.4
    found = HeadOffsets(("blocks.0.attn",), GRID, shares)
    assert found.share_array().values.tolist() == [[0.7, 0.4]] and found.share_array().axes["block"] == ["blocks.0"]
    assert found.distance_array().values.tolist() == [[2, 0]]
    assert found.share_array().uniform == pytest.approx(1 / 15)


def test_refuses_to_tell_without_images():
    class Architecture:
        grid = GRID

    with pytest.raises(InputError, match="at least one full minibatch"):
        Offsets(Architecture()).result()
