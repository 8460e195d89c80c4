"""The scorecard is made of result files alone, and shows every claim."""

import json

import pytest

from seelike.figures.palette import PALE_VERDICTS, VERDICTS
from seelike.figures.scorecard import summary
from seelike.results.claims import CLAIMS
from seelike.system.paths import BOOK, RESULTS
from seelike.tables import scorecard


def entry(effect: float, verdict: str, control_verdict: str = "open", runs: int = 1) -> dict:
    return {"runs": runs, "effect": effect, "interval": [effect - 0.1, effect + 0.1], "verdict": verdict,
            "control": 0.0, "control_interval": [-0.1, 0.1], "control_verdict": control_verdict}  # fmt: skip


FOUND = {
    "pocket": {"U1": entry(0.5, "holds", "holds", 3), "A3": entry(-0.3, "fails"), "S2": entry(0.2, "holds", "fails")},
    "pretrained": {"U1": entry(-0.5, "fails", "holds"), "U4": {**entry(0.0, "open"), "interval": [None, None]}},
}


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


def test_gathers_what_the_folder_holds_before_what_the_repository_holds(tmp_path):
    published = RESULTS / "pocket" / "uniformity.json"
    changed = json.loads(published.read_text())
    changed["claims"]["U1"]["effect"] = 0.123
    (tmp_path / "pocket").mkdir()
    (tmp_path / "pocket" / "uniformity.json").write_text(json.dumps(changed))
    assert scorecard.gather(tmp_path)["pocket"]["U1"]["effect"] == 0.123
    assert scorecard.gather(tmp_path / "none")["pocket"]["U1"]["effect"] != 0.123


def test_every_label_that_a_row_links_to_is_that_of_a_figure():
    pages = " ".join(page.read_text() for page in BOOK.glob("*.ipynb"))
    for claim in CLAIMS.values():
        assert f'"name": "{scorecard.label_of(claim)}"' in pages, claim.id
