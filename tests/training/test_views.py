"""Views: each change of an image can be seen apart, and is a function of what was drawn."""

from dataclasses import replace

import pytest
import torch

from seelike.images.shapes import Shapes
from seelike.models.recipe_kinds import Views
from seelike.training.views import DRAWN, blur, draw_views, luma, make_view, turn_hue

PLAIN = Views(crop=(1.0, 1.0), flip=0, jitter=0, grey=0, blur=(0, 0), solarize=0)


@pytest.fixture(scope="module")
def images():
    return Shapes("validation").stack(6)[0].float() / 255


@pytest.fixture(scope="module")
def drawn():
    return torch.from_numpy(draw_views(1, 6, 0))[0, 0]


def test_nothing_changed_is_the_image(images):
    same = torch.full((6, DRAWN), 0.5)
    torch.testing.assert_close(make_view(images, same, PLAIN), images, rtol=0, atol=1e-5)


def test_a_flip_is_a_mirror(images):
    same = torch.full((6, DRAWN), 0.5)
    torch.testing.assert_close(make_view(images, same, replace(PLAIN, flip=1)), images.flip(3), rtol=0, atol=1e-5)


def test_a_crop_shows_a_part(drawn):
    ramp = torch.linspace(0, 1, 56).expand(6, 3, 56, 56)
    seen = make_view(ramp, drawn, replace(PLAIN, crop=(0.4, 0.4)))
    share = (seen.amax((1, 2, 3)) - seen.amin((1, 2, 3))) * 55 / 56
    assert (share > 0.4**0.5 * 0.8).all() and (share < 0.4**0.5 * 1.2).all()
    assert seen.min() >= 0 and seen.max() <= 1


def test_grey_takes_colours_away_and_nothing_else(images, drawn):
    seen = make_view(images, drawn, replace(PLAIN, grey=1))
    assert torch.equal(seen[:, :1].expand_as(seen), seen)
    torch.testing.assert_close(luma(seen), luma(make_view(images, drawn, PLAIN)), rtol=0, atol=1e-5)


def test_hue_turns_in_a_circle_and_leaves_greys(images):
    third = torch.full((6, 1, 1, 1), 2 * torch.pi / 3)
    mild = 0.4 + 0.2 * images  # nothing is cut off
    torch.testing.assert_close(turn_hue(mild, third), mild[:, [2, 0, 1]], rtol=0, atol=1e-5)
    grey = luma(images).expand_as(images)
    torch.testing.assert_close(turn_hue(grey, third), grey, rtol=0, atol=1e-5)


def test_a_blur_is_a_gaussian():
    point = torch.zeros(2, 3, 21, 21)
    point[:, :, 10, 10] = 1
    spread = blur(point, torch.tensor([0.0, 1.0]), 0.1, 1.0)
    torch.testing.assert_close(spread[0], point[0], rtol=0, atol=1e-5)
    assert spread[1].sum((1, 2)).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert (spread[1, 0, 10, 11] / spread[1, 0, 10, 10]).item() == pytest.approx(2.718281828**-0.5, abs=1e-4)


def test_only_the_second_view_is_solarised(images, drawn):
    views = replace(PLAIN, solarize=1)
    first, second = (make_view(images, drawn, views, second) for second in (False, True))
    bright = first > 0.5
    torch.testing.assert_close(second, torch.where(bright, 1 - first, first))
    assert bright.any()


def test_views_are_those_of_their_seed(images):
    one, same, other = (torch.from_numpy(draw_views(2, 6, seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert not torch.equal(make_view(images, one[0, 0], Views()), make_view(images, one[0, 1], Views()))
