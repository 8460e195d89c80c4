"""Counts are those of the verdicts, and never mix intervals that cover trainings with those that do not."""

from handmade import FOUND, claim, part

from seelike.results.claims import AROUND, OF_PAPER
from seelike.tables import counts


def test_counts_are_those_of_the_verdicts():
    numbers = counts.count(FOUND)
    assert numbers["claims"] == str(len(OF_PAPER)) and counts.count(FOUND, AROUND)["claims"] == str(len(AROUND))
    assert [numbers[f"pocket_trainings_{name}"] for name in ("of", "holds", "weak", "reversed")] == ["2", "1", "1", "0"]
    assert [numbers[f"pocket_images_{name}"] for name in ("of", "holds", "weak", "reversed")] == ["1", "0", "0", "1"]
    assert (numbers["pretrained_measured"], numbers["pretrained_not_applicable"]) == ("3", "1")
    assert (numbers["pocket_trainings_adds"], numbers["pocket_images_takes_away"]) == ("2", "1")
    assert (numbers["pretrained_images_compared"], numbers["pretrained_images_shows_no_difference"]) == ("2", "1")


def test_sentences_tell_the_counts_of_each_kind_apart():
    assert counts.tell_verdicts(FOUND["pocket"]) == (
        "Of 2 claims whose interval covers trainings, 1 holds and 1 holds in direction only; "
        "of 1 more whose interval covers images alone, 1 is reversed."
    )
    assert counts.tell_verdicts(FOUND["pretrained"]) == (
        "Of 2 claims whose interval covers images alone, 1 is inconclusive and 1 is reversed; 1 does not apply."
    )
    assert counts.tell_training(FOUND["pocket"]) == (
        "Of 2 claims whose interval covers trainings, training adds to 2; "
        "of 1 more whose interval covers images alone, training takes away from 1."
    )
    assert counts.tell_verdicts({}) == counts.tell_training({}) == "No claim applies."


def test_a_control_by_construction_is_not_compared():
    told = counts.tell_training({"D3": claim("D3", part(control_verdict="not applicable"), trainings=3)})
    assert told == "No claim applies."


def test_marginal_claims_are_named_with_their_verdict():
    claims = {id: claim(id, part(verdict="inconclusive", p=0.9)) for id in ("S1", "S3", "S4")}
    assert counts.tell_marginal(claims | {"U1": claim("U1", part(p=0.02))}) == "U1 (holds) is marginal."
    assert counts.tell_marginal(claims) == "No verdict is marginal."


def test_tells_which_verdicts_turn():
    def of(**verdicts) -> dict:
        return {key: claim(key, part(verdict=verdict), trainings=2) for key, verdict in verdicts.items()}

    found = {
        "one": of(U1="holds", U2="weak", U3="holds", A1="absent") | {"S4": claim("S4", part())},
        "other": of(U1="holds", U2="reversed", U3="weak", L1="holds") | {"S4": claim("S4", part(), trainings=3)},
    }
    assert counts.tell_turns(found, "one", "other") == (
        "Of 3 claims whose intervals cover trainings in both, 1 keeps its verdict; "
        "U3 from “holds” to “weak”, U2 from “weak” to “reversed”. Of 1 more, 1 keeps its verdict."
    )
    assert counts.tell_turns(found, "one", "none").endswith("in both, 0 keep their verdict.")
