"""The far task: a pure function, balanced, nothing but lines."""

import hashlib

import numpy as np
import pytest

from seelike.images import strokes
from seelike.images.drawings import SPLITS
from seelike.images.strokes import DIGITS, Strokes, draw


def test_pure_function_of_seed_split_and_index():
    np.testing.assert_array_equal(draw(7, "train", 1).image, draw(7, "train", 1).image)
    for other in (draw(17, "train", 1), draw(7, "test", 1), draw(7, "train", 2)):
        assert not np.array_equal(draw(7, "train", 1).image, other.image)


def test_pixels_are_those_that_the_bundled_models_learned_from():
    """If this changes, the fine-tuned model must be trained anew."""
    pixels = b"".join(draw(i, split).image.tobytes() for split in SPLITS for i in range(10))
    assert hashlib.sha256(pixels).hexdigest() == "7c75a98ef19b038f564633dad2a0d57e930b91ff9e14f069e82aa5fbb4491c40"


def test_distance_to_a_segment_by_hand():
    x, y = np.array([0.0, 5.0, -3.0, 2.0]), np.array([3.0, 4.0, 0.0, 0.0])
    distances = strokes._distance(x, y, np.array([0.0, 0.0]), np.array([2.0, 0.0]))
    np.testing.assert_allclose(distances, [3, 5, 3, 0])  # beside, beyond the end, before the start, on it
    np.testing.assert_allclose(strokes._distance(x, y, np.zeros(2), np.zeros(2)), np.hypot(x, y))


def test_the_pen_is_on_the_paper_and_dark():
    for i in range(50):
        drawing = draw(i)
        assert drawing.label == i % 10 and len(drawing.corners) == len(DIGITS[drawing.label])
        assert (drawing.corners > 0).all() and (drawing.corners < 56).all()
        column, row = drawing.corners[1].astype(int)
        assert drawing.image[row, column].mean() < 0.6 * np.median(drawing.image)
        assert np.ptp(drawing.image.astype(int), axis=-1).max() == 0  # grey: no hue to read


def test_is_a_normal_dataset():
    images = Strokes("test")
    assert len(images) == SPLITS["test"] and len(images.classes) == 10
    assert images[13][1] == 3
    with pytest.raises(IndexError, match="strokes/test has 10000 images"):
        images[10000]
