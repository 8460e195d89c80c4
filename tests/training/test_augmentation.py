"""Augmentation: which flip and which crop an image has is a function of seed and step."""

import numpy as np
import torch

from seelike.training.augmentation import augment, draw_augmentation


def see(images, seed, step):
    flipped, corners = map(torch.from_numpy, draw_augmentation(9, len(images), seed))
    return augment(torch.from_numpy(images), flipped[step], corners[step]).numpy()


def test_augmentation_flips_and_crops_as_seed_and_step_say():
    images = np.arange(1, 1 + 64 * 3 * 6 * 5).reshape(64, 3, 6, 5)
    seen = see(images, 0, 7)
    assert seen.shape == images.shape
    np.testing.assert_array_equal(seen, see(images, 0, 7))
    assert not np.array_equal(seen, see(images, 0, 8))
    assert not np.array_equal(seen, see(images, 1, 7))
    flipped = 0
    for image, one in zip(images, seen, strict=True):  # slowly: which flip and corner could have made it
        ways = [(flip, y, x) for flip in (False, True) for y in range(9) for x in range(9)]
        padded = {flip: np.pad(image[..., :: 1 - 2 * flip], ((0, 0), (4, 4), (4, 4))) for flip in (False, True)}
        found = [flip for flip, y, x in ways if np.array_equal(one, padded[flip][:, y : y + 6, x : x + 5])]
        assert found
        flipped += found[0]
    assert 16 <= flipped <= 48


def test_a_crop_at_the_middle_leaves_an_image_as_it_is_and_flips_alone_mirror_it():
    images = torch.arange(2 * 3 * 5 * 4).reshape(2, 3, 5, 4)
    seen = augment(images, torch.tensor([False, True]), torch.full((2, 2), 4))
    assert torch.equal(seen[0], images[0])
    assert torch.equal(seen[1], images[1].flip(-1))
