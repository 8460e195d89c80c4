"""What cards say of single images, against counting by hand."""

import math

import numpy as np

from seelike.results.answers import count_answers, read_digits, share_errors, write_digits

ONE = {"classes": "001122", "answers": "011021"}  # wrong on images 1, 3 and 5
OTHER = {"classes": "001122", "answers": "021120"}  # wrong on images 1 and 5


def test_what_is_written_is_read_again():
    assert write_digits(read_digits("0190")) == "0190" == write_digits(np.array([0.0, 1.0, 9.0, 0.0]))


def test_counts_answers_by_class():
    assert count_answers(ONE, 3).tolist() == [[1, 1, 0], [1, 1, 0], [0, 1, 1]]
    assert count_answers(ONE, 4).sum() == 6


def test_shares_of_errors():
    both, alike = share_errors(ONE, OTHER)
    assert np.allclose((both, alike), (2 / 3, 0))
    assert share_errors(OTHER, ONE)[0] == 1
    assert share_errors(ONE, ONE) == (1, 1)
    assert math.isnan(share_errors({"classes": "01", "answers": "01"}, {"classes": "01", "answers": "00"})[0])
