"""The scorecard is made of result files alone, and shows every claim."""

import re
from dataclasses import replace

import pytest
from handmade import FOUND, claim, part

from seelike.results.claims import AROUND, CLAIMS, OF_PAPER
from seelike.results.runs import OWN, PHOTOGRAPHS
from seelike.system.paths import BOOK
from seelike.tables import scorecard
from seelike.tables.markdown import NO_BREAK


def test_every_claim_has_its_row_and_every_run_its_column():
    lines = scorecard.rows(FOUND).replace(NO_BREAK, " ").splitlines()
    assert len(lines) == 2 + len(OF_PAPER)
    assert {line.count(" | ") for line in lines} == {4}
    first = lines[2]
    assert "`pocket` **✓ holds** over images and trainings<br>`pretrained` **✗ reversed** over images alone" in first
    assert "**0.50 [0.40, 0.60]** ✓<br>untrained 0.00 [−0.10, 0.10] ✓" in first
    assert first.endswith(f"{CLAIMS['U1'].paper} (Fig. 1, B.1; figure) |") and "fig-uniformity-effects" in first
    assert "not measured" in lines[3]


def test_a_claim_around_the_paper_names_its_source_and_figures_if_it_has_any():
    other = replace(CLAIMS["U1"], id="Q1", source="chun2025estimating", figures="")
    asked, found = {"Q1": other, "Q2": replace(other, id="Q2", figures="3")}, {"pocket": {"Q1": claim("U1", part())}}
    head, _, first, second = scorecard.rows(found, asked).splitlines()
    assert head.endswith("| Its paper |") and "Fig." not in first
    assert first.endswith("({cite:t}`chun2025estimating`; figure) |")
    assert second.endswith("({cite:t}`chun2025estimating`, Fig. 3; figure) |")


def test_claims_stand_by_verdict_those_of_images_alone_in_italics():
    lines = [line.strip("| ").split(" | ") for line in scorecard.claims_by_verdict(FOUND).splitlines()[2:]]
    assert [row[1:] for row in lines] == [
        ["U1", "none"], ["S1", "none"], ["none", "*U4*"], ["none", "none"], ["*A3*", "*U1*"], ["none", "*S6*"]
    ]  # fmt: skip


def test_phrases_hold_numbers_and_sentences_of_every_run():
    found = scorecard.phrases(FOUND)
    assert found["pocket_trainings_holds"] == "1" and found["pocket_verdicts"].startswith("Of 2 claims")
    assert found["others"] == f"In the run pretrained: {found['pretrained_verdicts']}"
    assert {"turns", "pocket_training", "pocket_marginals"} <= found.keys()
    assert scorecard.phrases({"pocket": {}})["others"] == "No other run is published."


@pytest.mark.parametrize("page", ["intro", "scorecard"])
def test_all_that_a_page_cites_is_there(page):
    cited = set(re.findall(r"\{glue:text\}`(\w+)`", (BOOK / f"{page}.ipynb").read_text()))
    told = scorecard.phrases({OWN: FOUND["pocket"], PHOTOGRAPHS: FOUND["pretrained"]}).keys()
    around = {f"around_{name}" for name in scorecard.phrases({OWN: {}}, AROUND)}
    assert cited and cited <= told | around


def test_every_label_that_a_row_links_to_is_that_of_a_figure():
    pages = " ".join(page.read_text() for page in BOOK.glob("*.ipynb"))
    for id, each in CLAIMS.items():
        assert f'"name": "{scorecard.label_of(each)}"' in pages, id
