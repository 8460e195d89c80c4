"""The one rule of the verdicts."""

import math

import pytest

from seelike.claims import CLAIMS, Claim, judge
from seelike.intervals import Estimate

ABOVE = Claim("X1", "1", "text", "effect", 0.0, above=True)
BELOW = Claim("X2", "1", "text", "effect", 0.35, above=False)


@pytest.mark.parametrize(
    ("claim", "low", "high", "verdict"),
    [
        (ABOVE, 0.1, 0.2, "holds"),
        (ABOVE, -0.2, -0.1, "fails"),
        (ABOVE, -0.1, 0.1, "open"),
        (ABOVE, 0.0, 0.1, "open"),
        (BELOW, 0.1, 0.3, "holds"),
        (BELOW, 0.4, 0.5, "fails"),
        (BELOW, 0.3, 0.4, "open"),
        (BELOW, 0.35, 0.4, "open"),
        (ABOVE, math.nan, math.nan, "open"),
        (BELOW, math.nan, math.nan, "open"),
    ],
)
def test_rule(claim, low, high, verdict):
    assert judge(claim, Estimate((low + high) / 2, low, high)) == verdict


def test_ids_are_the_papers():
    assert list(CLAIMS) == ["U1", "U2", "U3", "U4", "A1", "A2", "A3", "A4", "A5"]
    assert all(claim.id == key for key, claim in CLAIMS.items())
