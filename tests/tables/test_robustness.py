"""What pages say of universes: counts, fragile verdicts in words and by sign, and what another measure makes of one."""

from handmade import ROBUST, claim, part, universe

from seelike.results.claims import AROUND, OF_PAPER
from seelike.results.robustness import Outcome, Robust, attach
from seelike.results.verdict_words import conjugate_entry, tell_universes
from seelike.tables import counts, robustness
from seelike.tables.markdown import NO_BREAK, mark_entry

STABLE = Robust(ROBUST.published, (universe(), universe("holds", 0.3, measure="rsa")))
FOUND = {"pocket": {"U1": ROBUST}, "cifar10": {"U1": STABLE}}


def entry(robust: Robust | None) -> dict:
    found = claim("U1", part(0.5), trainings=3)
    attach({"U1": found}, {"U1": robust} if robust else {})
    return found


def test_a_verdict_says_in_how_many_universes_it_stands_and_a_fragile_one_that_it_is():
    assert [tell_universes(entry(each)) for each in (None, STABLE, ROBUST)] == ["", "2 of 2", "fragile, 2 of 3"]
    marks = [mark_entry(entry(each), marginal=each is ROBUST).replace(NO_BREAK, " ") for each in (None, STABLE, ROBUST)]
    assert marks == ["✓ holds", "✓ holds, 2 of 2", "✓\N{WORD JOINER}†\N{WORD JOINER}◇ holds, marginal, fragile, 2 of 3"]
    assert conjugate_entry(entry(STABLE)) == "holds"
    assert conjugate_entry(entry(ROBUST)) == "holds (fragile: only 2 of 3 analyses agree)"
    assert conjugate_entry(entry(ROBUST), True) == "holds (marginal; fragile: only 2 of 3 analyses agree)"
    assert conjugate_entry(entry(STABLE), True) == "holds (marginal)"


def test_fragile_verdicts_of_a_run_are_counted_and_named():
    said = counts.tell_fragile({"U1": entry(ROBUST)})
    assert said.startswith("Of 1 verdict that") and "1 is fragile" in said and said.endswith("(U1).")
    assert "0 are fragile" in counts.tell_fragile({"U1": entry(STABLE)})
    assert "not been measured" in counts.tell_fragile({"U1": entry(None)})
    numbers = counts.count({"pocket": {"U1": entry(ROBUST)}})
    assert (numbers["pocket_fragile"], numbers["pocket_varied"], numbers["pocket_trainings_holds_fragile"]) == tuple(
        "111"
    )


def test_the_overview_has_a_row_for_every_claim_and_a_column_for_every_run():
    lines = robustness.overview(FOUND).splitlines()
    assert len(lines) == 2 + len(OF_PAPER) and {line.count(" | ") for line in lines} == {3}
    assert (
        "**✓◇ holds**, fragile, 2 of 3<br>each training alone: 3 of 6" in lines[2] and "**✓ holds**, 2 of 2" in lines[2]
    )
    assert "not measured" in lines[3]


def test_a_claim_that_does_not_apply_is_said_to_and_counted_nowhere():
    found = {"public": {"U1": Robust(ROBUST.published, (universe("not applicable", None),))}}
    assert "| – not applicable |" in robustness.overview(found).splitlines()[2]
    assert "0 of 0 verdicts" in robustness.tell_counts(found)
    assert len(robustness.by_choice(found["public"]).splitlines()) == 2


def test_options_are_counted_one_by_one():
    line = robustness.by_choice(FOUND["pocket"]).splitlines()[2].replace(NO_BREAK, " ")
    assert "*measure* `cka` 2 of 2; `rsa` 0 of 1<br>" in line and "*images* `first` 1 of 2; `second` 1 of 1" in line


def test_a_claim_that_turns_with_the_measure_is_told_with_the_numbers_of_the_file():
    told = robustness.phrases(FOUND)["told"]
    assert told.startswith("**U1**") and "`pocket`" in told and "`cifar10`" not in told
    assert "holds (U1: 0.50 [0.40, 0.60]" in told and "holds in direction only (U1: 0.10 [0.00, 0.20]" in told
    assert robustness.phrases({"cifar10": FOUND["cifar10"]})["told"] == robustness.SAME


def test_without_a_file_pages_say_so():
    assert robustness.overview({}) == robustness.NONE
    assert robustness.phrases({})["told"] == robustness.phrases({})["counts"] == robustness.NONE


def test_every_option_has_its_meaning():
    assert robustness.vocabulary().count("\n") > 20 and "`rbf_cka`" in robustness.vocabulary()


def test_claims_around_the_paper_are_told_and_counted_apart():
    around = Robust({"scale": "points"}, (Outcome({"scale": "points"}, "weak", (), {"C5": (0.1, 0.0, 0.2, "weak")}),))
    found = {"pocket": {"U1": ROBUST, "C5": around}, "cifar10": {"U1": STABLE}}
    lines = robustness.overview(found, AROUND).splitlines()
    assert lines[0].count(" | ") == 2 and "`cifar10`" not in lines[0]
    assert [line.split("**")[1] for line in lines[2:]] == [key for key, claim in AROUND.items() if claim.choices]
    assert "1 of 1" in next(line for line in lines if line.startswith("| **C5**"))
    told = robustness.tell_counts(found)
    assert "1 of 1 verdicts on the paper's claims are fragile (U1), judged in 3 universes; 0 of 1 verdicts on" in told
    assert told.count("around") == 1
    assert told.startswith("**The answer.** Often, yes. Of 1 verdicts on the paper's claims in `pocket`, 0 stand in at")
    assert robustness.tell_counts({"pocket": {"U1": STABLE}}).startswith("**The answer.** Hardly. All 1 verdicts")
