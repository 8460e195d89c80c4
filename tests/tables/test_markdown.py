"""Numbers in tables."""

import pytest

from seelike.tables.markdown import NO_BREAK, number


@pytest.mark.parametrize(
    ("effect", "low", "high", "text"),
    [
        (0.3284, 0.3221, 0.3399, "0.33 [0.32, 0.34]"),
        (-0.5, -0.61, -0.42, "−0.50 [−0.61, −0.42]"),
        (0.0011, 0.0003, 0.0021, "0.001 [0.000, 0.002]"),
        (0.05, 0.004, 0.1, "0.050 [0.004, 0.100]"),
        (0.0, 0.0, 0.0, "0.000 [0.000, 0.000]"),
        (-0.0001, None, None, "0.00"),
    ],
)
def test_numbers_show_their_sign(effect, low, high, text):
    entry = {"effect": effect, "interval": [low, high]}
    assert number(entry).replace(NO_BREAK, " ") == text
