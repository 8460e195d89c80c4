"""Every claim of the paper is here, with all that is shown of it; none about learning holds without."""

import pytest

from seelike.chapters.registry import CHAPTERS
from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.system.paths import RESULTS


def test_every_claim_of_the_paper_is_here_once_with_all_that_a_row_shows():
    paper = [f"{kind}{i}" for kind, n in zip("UASLDM", (4, 5, 5, 6, 6, 3), strict=True) for i in range(1, n + 1)]
    assert list(CLAIMS)[: len(paper)] == paper
    for key, claim in CLAIMS.items():
        assert claim.id == key
        assert all(text and text == text.strip() for text in (claim.figures, claim.text, claim.effect, claim.paper))
        assert claim.text.endswith(".") and not claim.effect.endswith(".")


def test_claims_are_of_chapters():
    assert {claim.chapter for claim in CLAIMS.values()} == CHAPTERS.keys() - {"methods"}


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*/*.json")), ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_untrained_models_pass_no_claim_about_learning(file):
    for claim, found in Result.load(file).claims.items():
        assert not (CLAIMS[claim].learned and found["control_verdict"] == "holds"), claim
