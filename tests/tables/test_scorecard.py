"""The scorecard is made of result files alone, and shows every claim."""

import pytest
from handmade import FOUND

from seelike.results.claims import CLAIMS
from seelike.system.paths import BOOK
from seelike.tables import scorecard


def test_every_claim_has_its_row_and_every_scale_its_column():
    lines = scorecard.rows(FOUND).splitlines()
    assert len(lines) == 2 + len(CLAIMS)
    assert {line.count(" | ") for line in lines} == {4}
    first = lines[2]
    assert "**0.50\N{NO-BREAK SPACE}[0.40,\N{NO-BREAK SPACE}0.60]**" in first and "3 trainings" in first
    assert CLAIMS["U1"].paper in first and "fig-uniformity-effects" in first
    assert "not measured" in lines[3]


def test_counts_are_those_of_the_verdicts():
    numbers = scorecard.count(FOUND)
    assert numbers["claims"] == str(len(CLAIMS))
    assert (numbers["pocket_measured"], numbers["pocket_holds"], numbers["pocket_fails"]) == ("3", "2", "1")
    assert (numbers["pocket_holds_untrained_too"], numbers["pocket_holds_by_training"]) == ("1", "1")
    assert (numbers["pretrained_holds"], numbers["pretrained_open"]) == ("0", "1")


@pytest.mark.parametrize(("verdict", "phrase"), [("holds", "U1 and S2"), ("fails", "A3"), ("open", "none")])
def test_names_the_claims_of_a_verdict(verdict, phrase):
    assert scorecard.name_claims(FOUND, "pocket", verdict) == phrase


def test_tells_which_verdicts_turn():
    found = {
        "one": {key: {"verdict": verdict} for key, verdict in zip(("U1", "U2", "U3", "A1"), "hhff", strict=True)},
        "other": {key: {"verdict": verdict} for key, verdict in zip(("U1", "U2", "U3", "L1"), "hfho", strict=True)},
    }
    assert scorecard.tell_turns(found, "one", "other") == (
        "Of 3 claims 1 keep their verdict; U3 from f to h, U2 from h to f."
    )
    assert scorecard.tell_turns(found, "one", "one") == "Of 4 claims 4 keep their verdict."
    assert scorecard.tell_turns(found, "one", "none") == "Of 0 claims 0 keep their verdict."


def test_every_label_that_a_row_links_to_is_that_of_a_figure():
    pages = " ".join(page.read_text() for page in BOOK.glob("*.ipynb"))
    for claim in CLAIMS.values():
        assert f'"name": "{scorecard.label_of(claim)}"' in pages, claim.id
