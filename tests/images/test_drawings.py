"""What all drawn image sets share."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms.functional import to_tensor

from seelike.images.datasets import DRAWN
from seelike.images.drawings import SPLITS
from seelike.system.errors import InputError


@pytest.mark.parametrize("name", DRAWN)
def test_is_a_normal_dataset(name):
    images = DRAWN[name]("test", transform=to_tensor)
    assert images.name == name and len(images) == SPLITS["test"] and len(images.classes) in (5, 10)
    batch, labels = next(iter(DataLoader(images, batch_size=20)))
    assert batch.shape == (20, 3, 56, 56)
    assert labels.tolist() == [number % len(images.classes) for number in range(20)]
    torch.testing.assert_close(images[-1][0], images[len(images) - 1][0])
    with pytest.raises(IndexError):
        images[len(images)]


@pytest.mark.parametrize("name", DRAWN)
def test_a_stack_holds_the_first_drawings(name):
    drawn = DRAWN[name]("validation")
    images, labels = drawn.stack(12)
    assert images.shape == (12, 3, 56, 56) and images.dtype == torch.uint8
    assert labels.tolist() == [number % len(drawn.classes) for number in range(12)]
    np.testing.assert_array_equal(images[11].permute(1, 2, 0), drawn.drawing(11).image)


@pytest.mark.parametrize("name", DRAWN)
def test_refuses_what_it_does_not_have(name):
    with pytest.raises(InputError, match=f"split must be one of train, validation, test for {name}"):
        DRAWN[name]("dev")
    with pytest.raises(InputError, match="seed must be 0 or more"):
        DRAWN[name](seed=-1)
    for n_images in (0, 10001):
        with pytest.raises(InputError, match=f"n_images must be 1 to 10000 for {name}/test, not {n_images}"):
            DRAWN[name]("test").stack(n_images)
