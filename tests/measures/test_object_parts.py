"""Foreground and background alone: what is painted, and that the moved box hides as much."""

import torch

from seelike.measures.object_parts import (
    BACKGROUND,
    CLAIMED,
    FOREGROUND,
    MOVED,
    PARTS,
    find_boxes,
    hide_parts,
    list_parts,
)
from seelike.measures.perturbations import paint

BLACK = torch.zeros(3)


def make() -> tuple[torch.Tensor, torch.Tensor]:
    """Bright images of 4 × 6 pixels, with an object in the upper left corner."""
    masks = torch.zeros(2, 4, 6, dtype=torch.bool)
    masks[0, :2, :3], masks[1, :1, :1] = True, True
    return torch.full((2, 3, 4, 6), 200, dtype=torch.uint8), masks


def show_parts(images: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: paint(images, hidden, BLACK) for name, hidden in hide_parts(masks).items()}


def test_images_of_a_minibatch_are_changed_as_by_their_numbers():
    images, masks = make()
    every = show_parts(images, masks)
    for condition, change in list_parts(masks, BLACK).items():
        torch.testing.assert_close(change(images[1:], range(1, 2)), every[condition[0]][1:])


def test_the_foreground_is_the_object_and_the_background_all_else():
    images, masks = make()
    shown = show_parts(images, masks)
    assert list(shown) == list(PARTS)
    for name, kept in ((FOREGROUND, masks), (BACKGROUND, ~masks)):
        torch.testing.assert_close(shown[name], images * kept[:, None])
    torch.testing.assert_close(shown[FOREGROUND] + shown[BACKGROUND], images)
    assert shown[FOREGROUND].dtype == torch.uint8


def test_a_box_is_from_the_first_to_the_last_pixel_also_across_holes():
    """Slow: pixel by pixel. What hides a part of an object from within leaves its box as it is."""
    mask = torch.zeros(1, 6, 7, dtype=torch.bool)
    mask[0, 1, 2], mask[0, 4, 5], mask[0, 2, 2] = True, True, True
    rows, columns = mask[0].nonzero().T.tolist()
    for row in range(6):
        for column in range(7):
            inside = min(rows) <= row <= max(rows) and min(columns) <= column <= max(columns)
            assert find_boxes(mask)[0, row, column] == inside
    assert not find_boxes(torch.zeros(2, 4, 4, dtype=torch.bool)).any()


def test_a_moved_box_is_as_large_and_lies_elsewhere():
    images, masks = make()
    shown = show_parts(images, masks)
    for name in (FOREGROUND, BACKGROUND):
        own, moved = (shown[each][:, 0] > 0 for each in (name, name + MOVED))
        assert own.sum((1, 2)).tolist() == moved.sum((1, 2)).tolist() and not torch.equal(own, moved)
    assert (shown[FOREGROUND + MOVED][0, 0] > 0).nonzero().min(0).values.tolist() == [2, 3]
    assert not ((shown[FOREGROUND + MOVED] > 0) & masks[:, None]).any()


def test_the_claim_is_about_boxes_in_their_place():
    assert [condition[0] for condition in CLAIMED.values()] == [FOREGROUND, BACKGROUND]
