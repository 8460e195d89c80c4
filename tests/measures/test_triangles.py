import pickle

import numpy as np
import pytest

from seelike.measures.similarities.triangles import Triangles

BY_HAND = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])


def test_every_matrix_comes_back_in_its_order_whole_or_some_at_a_time():
    triangles = Triangles([BY_HAND, 10 * BY_HAND])
    triangles.append(-BY_HAND)
    assert len(triangles) == 3
    np.testing.assert_array_equal(np.stack(triangles), [BY_HAND, 10 * BY_HAND, -BY_HAND])
    np.testing.assert_array_equal(triangles[-1], -BY_HAND)
    np.testing.assert_array_equal(triangles[1:], [10 * BY_HAND, -BY_HAND])


def test_the_upper_triangle_is_what_is_kept():
    skewed = BY_HAND + np.tril(np.ones((3, 3)), -1)
    np.testing.assert_array_equal(Triangles([skewed])[0], BY_HAND)


def test_half_the_numbers_travel():
    whole = np.ones((100, 100))
    assert len(pickle.dumps(Triangles([whole]))) < 0.55 * whole.nbytes


def test_a_matrix_that_is_given_out_is_the_takers_own():
    triangles = Triangles([BY_HAND])
    triangles[0][:] = 0
    np.testing.assert_array_equal(triangles[0], BY_HAND)


def test_there_may_be_none():
    assert list(Triangles()) == []
    with pytest.raises(IndexError):
        Triangles()[0]
