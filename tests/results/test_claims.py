"""The one rule of the verdicts."""

import math
from dataclasses import replace

import pytest

from seelike.measures.intervals import Estimate
from seelike.results.claims import CLAIMS, judge
from seelike.results.results import Result
from seelike.system.paths import RESULTS

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


def test_every_claim_of_the_paper_is_here_once_with_all_that_a_row_shows():
    assert list(CLAIMS) == [f"{kind}{i}" for kind, n in zip("UASLDM", (4, 5, 5, 6, 6, 3), strict=True)
                            for i in range(1, n + 1)]  # fmt: skip
    for key, claim in CLAIMS.items():
        assert claim.id == key
        assert all(text and text == text.strip() for text in (claim.figures, claim.text, claim.effect, claim.paper))
        assert claim.text.endswith(".") and not claim.effect.endswith(".")


def test_claims_are_of_chapters():
    chapters = {claim.chapter for claim in CLAIMS.values()}
    assert chapters == {"uniformity", "attention_distance", "skip_connections", "localization", "data_scale", "mixer"}


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*/*.json")), ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_untrained_models_pass_no_claim_about_learning(file):
    for claim, found in Result.load(file).claims.items():
        assert not (CLAIMS[claim].learned and found["control_verdict"] == "holds"), claim
