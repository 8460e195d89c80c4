"""The answer at the top of a chapter: a count of verdicts and a line for each claim."""

from handmade import claim, part, result

from seelike.results.claims import CLAIMS
from seelike.tables.claims_answered import answer


def show(**claims) -> list[str]:
    return answer(result(profile="mine", **claims)).splitlines()


def test_it_counts_verdicts_best_first_and_says_each_in_words_with_its_mark():
    weak, held = claim("U2", part(0.1, "weak", "reversed")), claim("U1", part())
    count, empty, first, second, *others = show(U2=weak, U1=held)
    assert count == (
        "**The answer.** Of this chapter's 6 claims, 1 holds, 1 holds in direction only and 4 are not measured. "
        "With random weights, none holds."
    )
    assert first == f"- ✓ **U1 holds:** {CLAIMS['U1'].text}" and empty == ""
    assert second == f"- ≈ **U2 holds in direction only:** {CLAIMS['U2'].text}"
    assert others[0] == f"- – **U3 is not measured:** {CLAIMS['U3'].text}" and len(others) == 4


def test_claims_that_hold_untrained_are_named():
    one, two = (claim(id, part(0.5, "holds", "holds")) for id in ("U1", "U2"))
    assert show(U1=one)[0].endswith("With random weights, U1 holds.")
    assert show(U1=one, U2=two)[0].endswith("With random weights, U1 and U2 hold.")


def test_nothing_is_said_of_random_weights_where_no_claim_has_such_a_control():
    assert (
        show(U1=claim("U1", part(0.5, "holds", "not applicable")))[0]
        == "**The answer.** Of this chapter's 6 claims, 1 holds and 5 are not measured."
    )


def test_of_controls_only_those_that_there_are_are_counted():
    one, two = claim("U1", part(0.5, "holds", "absent")), claim("U2", part(0.5, "holds", "not applicable"))
    assert show(U1=one, U2=two)[0].endswith("Only U1 can be asked of random weights: none holds.")


def test_where_all_claims_are_measured_nothing_is_missing():
    every = [id for id, each in CLAIMS.items() if each.chapter == "uniformity"]
    assert "6 claims, 6 hold." in show(**{id: claim(id, part()) for id in every})[0]
    (missing, *rest) = every
    assert "5 hold and 1 is not measured." in show(**{id: claim(id, part()) for id in rest})[0] and missing == "U1"


def test_a_fragile_verdict_is_told_so():
    fragile, robust = (claim("U1", part()) | {"universes": {"agree": agree, "combinations": 48}} for agree in (20, 47))
    assert show(U1=fragile)[2].startswith("- ✓◇ **U1 holds, fragile:** ")
    assert "ragile" not in show(U1=robust)[2]


def test_a_result_without_claims_has_no_answer():
    bare = result()
    bare.claims.clear()
    assert answer(bare) == ""
