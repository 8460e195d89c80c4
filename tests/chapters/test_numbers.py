"""Several numbers in one parameter."""

import pytest

from seelike.chapters.numbers import read_numbers
from seelike.system.errors import InputError


def test_reads_numbers_in_rising_order_each_once():
    assert read_numbers("sizes", " 9 3  5 3", 1, 9) == [3, 5, 9]


@pytest.mark.parametrize("text", ["", "3,5", "3 x", "0", "10", "-3", "3.5", "³"])
def test_refuses_anything_else_by_the_parameters_name(text):
    with pytest.raises(InputError, match="sizes must be whole numbers from 1 to 9 with spaces between them"):
        read_numbers("sizes", text, 1, 9)
