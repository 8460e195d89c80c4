"""Every claim of the paper is here, and of those around it, with all that is shown of it; the rule, case by case."""

import json
import math
from dataclasses import replace

import pytest

from seelike.chapters.registry import CHAPTERS
from seelike.results.claims import AROUND, CLAIMS, OF_PAPER, PAPER, PARTS, VERDICTS, Part, worst
from seelike.system.paths import BOOK

ABOVE = Part("Q1", "what is said", "CKA", smallest=0.2, reason="a test")
BELOW = Part("Q2", "what is said", "depth", smallest=0.4, reason="a test", reference=0.5)


def test_every_claim_of_the_paper_is_here_once_with_all_that_a_row_shows():
    numbers = zip("UASLDM", (5, 5, 6, 9, 6, 3), strict=True)
    paper = {f"{kind}{i}" for kind, n in numbers for i in range(1, n + 1)}
    assert paper == set(OF_PAPER) and all(claim.figures for claim in OF_PAPER.values())
    sources = ("text", "abstract", "code", "figure", "tick labels", "another's text")
    for key, claim in CLAIMS.items():
        assert claim.id == key and claim.known in sources
        said = (claim.text, claim.paper, claim.covers, claim.against)
        said += tuple(word for part in claim.parts for word in (part.effect, part.units, part.reason))
        assert all(text and text == text.strip() for text in said)
        assert claim.text.endswith(".") and not any(part.effect.endswith(".") for part in claim.parts)


def test_a_claim_is_of_the_paper_or_of_one_around_it_and_both_are_referred_to():
    listed = (BOOK / "references.bib").read_text(encoding="utf-8")
    assert CLAIMS == OF_PAPER | AROUND and {claim.source for claim in OF_PAPER.values()} == {PAPER}
    assert all(f"{{{claim.source}," in listed for claim in CLAIMS.values())


def test_parts_bear_letters_where_there_are_several():
    assert [part.id for part in CLAIMS["U4"].parts][:2] == ["U4a", "U4b"] and CLAIMS["U1"].main.id == "U1"
    assert len(PARTS) == sum(len(claim.parts) for claim in CLAIMS.values())


def test_parts_can_be_told_apart_as_keys():
    assert len(set(PARTS.values())) == len(PARTS)
    assert PARTS["A1a"].bounds == (0, math.inf) and PARTS["A3"].bounds == (-math.inf, math.inf)


@pytest.mark.parametrize("chapter", sorted({claim.chapter for claim in CLAIMS.values()}))
def test_a_chapter_says_its_claims_in_the_words_that_are_judged(chapter):
    cells = json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    (answer,) = (cell for cell in cells if "answer" in cell["metadata"].get("tags", []))
    assert "".join(answer["source"]) == "Markdown(claims_answered.answer(result, results_dir))"


def test_claims_are_of_chapters():
    assert {claim.chapter for claim in CLAIMS.values()} == CHAPTERS.keys() - {"hybrids", "methods"}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_the_smallest_effect_is_one_and_can_be_reached(part):
    assert part.smallest != part.reference
    assert part.bounds[0] <= part.smallest <= part.bounds[1]
    assert part.judge(part.smallest, part.smallest) == "holds"
    assert part.judge(part.reference, part.reference) == "absent"


@pytest.mark.parametrize(
    ("part", "low", "high", "verdict"),
    [
        (ABOVE, 0.2, 0.3, "holds"),
        (ABOVE, 0.1, 0.3, "weak"),
        (ABOVE, 0.01, 0.1, "weak"),
        (ABOVE, 0.0, 0.1, "absent"),
        (ABOVE, -0.1, 0.1, "absent"),
        (ABOVE, -0.1, -0.05, "absent"),
        (ABOVE, -0.1, 0.2, "inconclusive"),
        (ABOVE, -0.3, 0.3, "inconclusive"),
        (ABOVE, -0.2, -0.1, "reversed"),
        (ABOVE, -0.5, -0.3, "reversed"),
        (BELOW, 0.2, 0.4, "holds"),
        (BELOW, 0.3, 0.45, "weak"),
        (BELOW, 0.45, 0.55, "absent"),
        (BELOW, 0.3, 0.55, "inconclusive"),
        (BELOW, 0.55, 0.9, "reversed"),
        (ABOVE, math.nan, math.nan, "inconclusive"),
    ],
)
def test_rule(part, low, high, verdict):
    assert part.judge(low, high) == verdict


def test_rule_is_the_same_from_the_other_side():
    mirrored = replace(ABOVE, smallest=-0.2)
    for low, high in ((0.2, 0.3), (0.1, 0.3), (-0.1, 0.1), (-0.3, 0.3), (-0.5, -0.3)):
        assert mirrored.judge(-high, -low) == ABOVE.judge(low, high)
    assert mirrored.judge(0.2, 0.3) != ABOVE.judge(0.2, 0.3)


def test_a_claim_is_as_good_as_its_worst_half():
    assert worst(["holds", "weak"]) == "weak" and worst(["holds"]) == "holds"
    assert worst(["holds", "inconclusive", "weak"]) == "inconclusive"
    assert worst(["absent", "reversed"]) == "reversed"
    assert [worst(["holds", verdict]) for verdict in VERDICTS] == list(VERDICTS)
