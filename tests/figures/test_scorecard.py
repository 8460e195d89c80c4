"""The scorecard at a glance: verdicts in their colours."""

import pytest
from handmade import FOUND

from seelike.figures.palette import PALE_VERDICTS, VERDICTS
from seelike.figures.scorecard import summary
from seelike.results.claims import CLAIMS


def test_summary_draws_the_verdicts_in_their_colours():
    ax = summary(FOUND)
    rows = [ax.patches[i : i + len(CLAIMS)] for i in range(0, 4 * len(CLAIMS), len(CLAIMS))]
    assert len(ax.patches) == 4 * len(CLAIMS)
    first = list(CLAIMS).index
    assert rows[0][first("U1")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["holds"]))
    assert rows[0][first("A3")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["fails"]))
    assert rows[2][first("U1")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["fails"]))
    assert rows[1][first("U1")].get_facecolor()[:3] == pytest.approx(rgb(PALE_VERDICTS["holds"]))
    assert rows[0][first("U2")].get_facecolor()[3] == 0
    assert [label.get_text() for label in ax.get_xticklabels()] == list(CLAIMS)


def rgb(color: str) -> list[float]:
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
