"""The answer at the top of a chapter: a count of verdicts and a line for each claim."""

from handmade import claim, part, result

from seelike.results.claims import CLAIMS
from seelike.tables.claims_answered import answer
from seelike.tables.markdown import NO_BREAK


def show(**claims) -> list[str]:
    return answer(result(**claims)).replace(NO_BREAK, " ").splitlines()


def test_it_counts_verdicts_best_first_and_says_each_in_words_with_its_mark():
    weak, held = claim("U2", part(0.1, "weak", "reversed")), claim("U1", part())
    count, empty, first, second = show(U2=weak, U1=held)
    assert count == "**The answer.** Of 2 claims 1 holds and 1 holds in direction only." and empty == ""
    assert first == f"- ≈ **U2 holds in direction only.** {CLAIMS['U2'].text} *Untrained: ✗ reversed.*"
    assert second.startswith(f"- ✓ **U1 holds.** {CLAIMS['U1'].text}")


def test_a_fragile_verdict_is_told_so():
    fragile = claim("U1", part()) | {"universes": {"agree": 20, "combinations": 48, "verdicts": {"holds": 20}}}
    robust = claim("U1", part()) | {"universes": {"agree": 47, "combinations": 48, "verdicts": {"holds": 47}}}
    assert show(U1=fragile)[2].endswith(" Fragile, 20 of 48 analyses.*")
    assert "ragile" not in show(U1=robust)[2]


def test_a_result_without_claims_has_no_answer():
    bare = result()
    bare.claims.clear()
    assert answer(bare) == ""
