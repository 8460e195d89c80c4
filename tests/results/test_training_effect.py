"""What training does to a claim, from the difference to untrained models alone."""

import pytest
from handmade import claim, part

from seelike.results.training_effect import ADDS, BOTH, TAKES, UNCLEAR, tell_doing


def trained(low: float | None, high: float | None) -> dict:
    return part(training=low, training_interval=[low, high])


@pytest.mark.parametrize(
    ("id", "intervals", "doing"),
    [
        ("U1", [(0.1, 0.2)], ADDS),
        ("U1", [(-0.2, -0.1)], TAKES),
        ("U1", [(-0.1, 0.2)], UNCLEAR),
        ("U1", [(0.0, 0.2)], UNCLEAR),
        ("U1", [(None, None)], UNCLEAR),
        ("A3", [(-0.2, -0.1)], ADDS),  # its slope is claimed to be negative
        ("S1", [(0.1, 0.2), (-0.1, 0.1)], ADDS),
        ("S1", [(0.1, 0.2), (-0.2, -0.1)], BOTH),
    ],
)
def test_training_adds_or_takes_away_by_hand(id, intervals, doing):
    assert tell_doing(claim(id, *(trained(*interval) for interval in intervals))) == doing


def test_a_control_that_is_fixed_by_construction_says_nothing_of_training():
    assert tell_doing(claim("D3", part(0.3, control_verdict="not applicable"))) is None


def test_the_verdict_of_the_control_does_not_matter():
    for verdict in ("holds", "absent", "inconclusive", "reversed"):
        assert tell_doing(claim("U1", part(0.5, control_verdict=verdict))) == ADDS
