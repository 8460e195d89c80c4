"""Augmentation: which flip and which crop an image has is a function of seed and step."""

import numpy as np

from seelike.training.augmentation import augment


def test_augmentation_flips_and_crops_as_seed_and_step_say():
    images = np.arange(1, 1 + 64 * 3 * 6 * 5).reshape(64, 3, 6, 5)
    seen = augment(images, 0, 7)
    assert seen.shape == images.shape
    np.testing.assert_array_equal(seen, augment(images, 0, 7))
    assert not np.array_equal(seen, augment(images, 0, 8))
    assert not np.array_equal(seen, augment(images, 1, 7))
    flipped = 0
    for image, one in zip(images, seen, strict=True):  # slowly: which flip and corner could have made it
        ways = [(flip, y, x) for flip in (False, True) for y in range(9) for x in range(9)]
        padded = {flip: np.pad(image[..., :: 1 - 2 * flip], ((0, 0), (4, 4), (4, 4))) for flip in (False, True)}
        found = [flip for flip, y, x in ways if np.array_equal(one, padded[flip][:, y : y + 6, x : x + 5])]
        assert found
        flipped += found[0]
    assert 16 <= flipped <= 48
