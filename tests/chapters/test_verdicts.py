"""The one rule of the verdicts."""

import math
from dataclasses import replace

import pytest

from seelike.chapters.verdicts import judge
from seelike.measures.intervals import Estimate
from seelike.results.claims import CLAIMS

ABOVE = replace(next(iter(CLAIMS.values())), threshold=0.0, above=True)

BELOW = replace(ABOVE, threshold=0.35, above=False)


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
