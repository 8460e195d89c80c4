"""The scorecard at a glance: verdicts by colour and mark, what their intervals cover by shape."""

import numpy as np
import pytest
from handmade import FOUND, claim, part
from matplotlib.patches import Ellipse, Polygon, Rectangle

from seelike.figures.palette import PALE_VERDICTS, VERDICTS
from seelike.figures.scorecard import summary
from seelike.results.claims import CLAIMS, OF_PAPER


def test_summary_draws_the_verdicts_in_their_colours_and_marks():
    ax = summary(FOUND)
    rows = [ax.patches[i : i + len(OF_PAPER)] for i in range(0, 4 * len(OF_PAPER), len(OF_PAPER))]
    assert len(ax.patches) == len(ax.texts) == 4 * len(OF_PAPER)
    place = list(OF_PAPER).index
    assert rows[0][place("U1")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["holds"]))
    assert rows[0][place("A3")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["reversed"]))
    assert rows[2][place("U1")].get_facecolor()[:3] == pytest.approx(rgb(VERDICTS["reversed"]))
    assert rows[1][place("U1")].get_facecolor()[:3] == pytest.approx(rgb(PALE_VERDICTS["holds"]))
    assert rows[0][place("U2")].get_facecolor()[3] == 0
    assert [ax.texts[place(id)].get_text() for id in ("U1", "A3", "S1", "U2")] == ["✓", "✗", "≈", ""]
    assert [label.get_text() for label in ax.get_xticklabels()] == list(OF_PAPER)


def test_it_draws_the_claims_that_are_asked_for():
    ax = summary(FOUND, {id: CLAIMS[id] for id in ("U1", "S6")})
    assert [label.get_text() for label in ax.get_xticklabels()] == ["U1", "S6"] and len(ax.patches) == 8


def test_a_square_covers_trainings_and_a_disc_images_alone():
    ax = summary(FOUND)
    place = list(OF_PAPER).index
    assert isinstance(ax.patches[place("U1")], Rectangle) and isinstance(ax.patches[place("A3")], Ellipse)


def test_a_marginal_verdict_bears_its_mark():
    claims = {id: claim(id, part(verdict="inconclusive", p=0.9)) for id in ("S1", "S3", "S4")}
    ax = summary({"pocket": claims | {"U1": claim("U1", part(p=0.02))}})
    signs = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    assert np.subtract(signs["†"], signs["✓"]) == pytest.approx((0.33, 0.18))


def test_a_corner_is_cut_off_a_fragile_verdict_alone():
    for agree, cut in ((46, 0), (40, 1)):
        entry = claim("U1", part(0.5)) | {"universes": {"agree": agree, "combinations": 48}}
        patches = summary({"pocket": {"U1": entry}}).patches
        assert sum(isinstance(patch, Polygon) for patch in patches) == cut


def rgb(color: str) -> list[float]:
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
