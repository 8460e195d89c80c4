"""Windows of tokens: by hand on a grid of 14, every token in one of them, offsets that a shift leaves alone."""

import pytest
import torch

from seelike.models import windows


def test_windows_of_neighbours_are_tiles_of_the_grid():
    found = windows.cut(14)
    assert found.shape == (4, 49)
    assert found[0, :8].tolist() == [0, 1, 2, 3, 4, 5, 6, 14] and found[1, 0] == 7 and found[2, 0] == 98


def test_a_dilated_window_takes_every_second_token_of_a_grid_of_14():
    found = windows.cut(14, dilated=True)
    assert found[0, :8].tolist() == [0, 2, 4, 6, 8, 10, 12, 28]
    assert [found[1, 0], found[2, 0], found[3, 0]] == [1, 14, 15]


@pytest.mark.parametrize("side", [7, 14, 28])
def test_every_token_is_in_one_window(side):
    for members in (windows.cut(side), windows.cut(side, dilated=True), windows.draw(side, 3), windows.whole(side)):
        assert members.flatten().sort()[0].tolist() == list(range(side**2))


def test_on_a_grid_of_one_window_dilation_changes_nothing_and_on_a_larger_one_it_does():
    assert torch.equal(windows.cut(7), windows.cut(7, dilated=True)) and torch.equal(windows.cut(7), windows.whole(7))
    assert not torch.equal(windows.cut(14), windows.cut(14, dilated=True))


def test_windows_are_drawn_by_their_seed():
    assert torch.equal(windows.draw(14, 1), windows.draw(14, 1))
    assert not torch.equal(windows.draw(14, 1), windows.draw(14, 2))


def test_offsets_are_the_same_in_all_windows_but_those_drawn_at_random():
    for members in (windows.cut(14), windows.cut(14, dilated=True)):
        at = windows.places(members, 14)
        offsets = windows.measure_offsets(at, at)
        assert (offsets == offsets[:1]).all() and offsets.abs().max() == 1
        assert offsets[0, 0, 1].tolist() == pytest.approx([0, 1 / 6]) and offsets[0, 1, 0, 1] == -offsets[0, 0, 1, 1]
    at = windows.places(windows.draw(14, 0), 14)
    offsets = windows.measure_offsets(at, at)
    assert not (offsets == offsets[:1]).all()
