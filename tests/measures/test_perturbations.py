"""Changed images: what is gone and what is left, by hand; the same holes for every model, minibatch and process."""

import numpy as np
import pytest
import torch

from seelike.measures.perturbations import (
    draw_cells,
    low_pass,
    paint,
    paint_cells,
    rank_cells,
    show_views,
    shuffle_tiles,
)

BLACK = torch.tensor([-1.0, -2.0, -3.0])


def draw_images(n: int = 4, side: int = 8) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_so_many_cells_are_drawn_for_each_image_and_others_for_the_next():
    cells = draw_cells((4, 4), 0.5, 0, range(50))
    assert cells.shape == (50, 4, 4) and cells.dtype == torch.bool
    assert cells.sum((1, 2)).tolist() == [8] * 50
    assert len({tuple(each.flatten().tolist()) for each in cells}) == 50
    assert cells.float().mean(0).numpy() == pytest.approx(0.5, abs=0.3)
    assert draw_cells((3, 3), 0.25, 0, range(2)).sum((1, 2)).tolist() == [2, 2]  # 2.25


def test_an_image_has_its_own_holes_whatever_minibatch_it_is_in():
    every = draw_cells((4, 4), 0.5, 7, range(6))
    assert torch.equal(draw_cells((4, 4), 0.5, 7, [4, 1]), every[[4, 1]])
    assert not torch.equal(draw_cells((4, 4), 0.5, 8, range(6)), every)


def test_the_cells_of_most_are_ranked_first():
    amount = torch.tensor([[[0.1, 0.9], [0.5, 0.5]]])
    assert rank_cells(amount, 0.5).tolist() == [[[False, True], [True, False]]]
    assert rank_cells(-amount, 0.5).tolist() == [[[True, False], [True, False]]]
    assert not rank_cells(amount, 0.0).any() and rank_cells(amount, 1.0).all()


def test_cells_are_painted_and_nothing_else():
    images, cells = draw_images(), torch.zeros(4, 2, 2, dtype=torch.bool)
    cells[0, 0, 1] = True
    found = paint_cells(images, cells, BLACK)
    assert torch.equal(found[0, :, :4, 4:], BLACK[:, None, None].expand(3, 4, 4))
    assert torch.equal(found[1:], images[1:]) and torch.equal(found[0, :, 4:], images[0, :, 4:])


def test_a_shifted_grid_hides_as_many_pixels_elsewhere():
    cells = draw_cells((2, 2), 0.5, 0, range(4))
    images = draw_images()
    own, shifted = ((paint_cells(images, cells, BLACK, shift) != images).all(1) for shift in ((0, 0), (2, 2)))
    assert torch.equal(shifted, own.roll((2, 2), (1, 2))) and not torch.equal(shifted, own)


def test_painting_all_or_nothing():
    images = draw_images()
    every = torch.ones(4, 8, 8, dtype=torch.bool)
    assert torch.equal(paint(images, ~every, BLACK), images)
    assert torch.equal(paint(images, every, BLACK), BLACK[:, None, None].expand(4, 3, 8, 8))


def test_shuffled_tiles_are_the_same_tiles_in_another_order():
    images = draw_images(6)
    shuffled = shuffle_tiles(images, (4, 2), 0, range(6))

    def tiles(image):  # slow
        return [image[:, 2 * y : 2 * y + 2, 4 * x : 4 * x + 4] for y in range(4) for x in range(2)]

    for before, after in zip(images, shuffled, strict=True):
        order = [next(i for i, tile in enumerate(tiles(before)) if torch.equal(tile, own)) for own in tiles(after)]
        assert sorted(order) == list(range(8)) and order != list(range(8))


def test_one_tile_leaves_an_image_as_it_is_and_a_tile_of_one_pixel_keeps_its_colours():
    images = draw_images()
    assert torch.equal(shuffle_tiles(images, (1, 1), 0, range(4)), images)
    pixels = shuffle_tiles(images, (8, 8), 0, range(4)).flatten(2)
    assert torch.equal(pixels.sort(-1)[0], images.flatten(2).sort(-1)[0]) and not torch.equal(pixels, images.flatten(2))


def test_a_wave_below_the_cutoff_passes_and_one_above_is_gone():
    x = torch.arange(16.0)
    slow, fast = (torch.cos(2 * np.pi * k * x / 16).expand(1, 3, 16, 16) for k in (2, 6))  # 2/8 and 6/8 of the limit
    found = low_pass(slow + fast, 0.5)
    torch.testing.assert_close(found, slow, atol=1e-5, rtol=0)
    torch.testing.assert_close(low_pass(slow + fast, 1.0), slow + fast, atol=1e-5, rtol=0)


def test_a_low_pass_keeps_the_mean_and_a_diagonal_wave_is_as_fast_as_it_is():
    images = draw_images()
    flat = low_pass(images, 0.0)
    torch.testing.assert_close(flat, images.mean((2, 3), keepdim=True).expand_as(images))
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    diagonal = torch.cos(2 * np.pi * 3 * (x + y) / 16).expand(1, 3, 16, 16)  # 3·√2/8 = 0.53 of the limit
    torch.testing.assert_close(low_pass(diagonal, 0.54), diagonal, atol=1e-5, rtol=0)
    assert low_pass(diagonal, 0.52).abs().max() < 1e-5


def test_a_colour_is_filtered_as_a_normalised_one_is():
    """Normalising and filtering may change places, so the cut-off means the same for every model."""
    images = draw_images()
    torch.testing.assert_close(low_pass(2 * images - 1, 0.4), 2 * low_pass(images, 0.4) - 1)


def test_views_follow_their_minibatch_and_know_their_images():
    seen = []

    def change(images, numbers):
        seen.append(list(numbers))
        return -images

    batches = [{"vit": torch.full((2, 3, 1, 1), float(i)), "cnn": torch.zeros(2, 3, 1, 1)} for i in range(2)]
    shown = list(show_views(iter(batches), {"negative": ("vit", change)}, 4, 2))
    assert [list(each) for each in shown] == [["vit", "cnn"], ["negative"]] * 2
    assert torch.equal(shown[3]["negative"], -batches[1]["vit"]) and seen == [[0, 1], [2, 3]]
