"""What images are without a network: coarse pixels and colours, by hand."""

import pytest
import torch

from seelike.measures.pixel_features import BINS, average_pixels, count_colors


def test_pixels_are_averaged_where_they_are():
    images = torch.zeros(1, 3, 56, 56, dtype=torch.uint8)
    images[0, 1, :4, 4:8] = 255
    images[0, 1, 0, 4] = 0
    found = average_pixels(images).view(3, 14, 14)
    assert found[1, 0, 1] == pytest.approx(15 / 16) and found.sum() == pytest.approx(15 / 16)


def test_colours_are_counted_wherever_they_are():
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    images[0, 0, :, :2], images[0, 2, :, 2:3] = 255, 64
    found = count_colors(images)[0]
    red, bluish = (BINS - 1) * BINS**2, 1
    assert found[[red, bluish, 0]].tolist() == [0.25, 0.125, 0.625] and found.sum() == 1
    shuffled = images.flatten(2)[:, :, torch.randperm(64, generator=torch.Generator().manual_seed(0))]
    assert torch.equal(count_colors(shuffled.view_as(images)), count_colors(images))
    assert not torch.equal(average_pixels(shuffled.view_as(images)), average_pixels(images))
