"""In how many universes a verdict stands: counted, written, read again, and only of the results that they are of."""

import json

import pytest
from handmade import ROBUST, claim, part, save_robustness, universe

from seelike.results import robustness
from seelike.results.choices import CHOICES, find_published
from seelike.results.claims import CLAIMS, OF_PAPER
from seelike.results.robustness import Robust, attach, is_fragile
from seelike.system.errors import InputError

PUBLISHED = CLAIMS["U1"].choices


def test_claims_name_choices_that_there_are_and_their_published_options():
    assert all(each.choices for each in OF_PAPER.values())
    for each in CLAIMS.values():
        assert all(option in CHOICES[name] for name, option in each.choices.items()), each.id


def test_a_parameter_of_the_chapter_is_the_published_option():
    assert find_published({"layers": "all", "images": "first"}, {"layers": "blocks"}) == {
        "layers": "blocks", "images": "first",
    }  # fmt: skip


def test_universes_are_counted_by_hand():
    assert (ROBUST.verdict, ROBUST.agree, ROBUST.combinations) == ("holds", 2, 3)
    assert ROBUST.count_alone() == (3, 6)
    assert ROBUST.list_options()["measure"] == ["cka", "rsa"]
    assert {option: each.verdict for option, each in ROBUST.vary_alone("measure").items()} == {
        "cka": "holds", "rsa": "weak",
    }  # fmt: skip
    assert [each.verdict for each in ROBUST.only(images="second")] == ["holds"]


@pytest.mark.parametrize(("agree", "fragile"), [(9, False), (8, True), (10, False)])
def test_a_verdict_that_fewer_than_nine_in_ten_give_is_fragile(agree, fragile):
    verdicts = ["holds"] * agree + ["weak"] * (10 - agree)
    outcomes = [universe(verdict, minibatch=str(i)) for i, verdict in enumerate(verdicts)]
    robust = Robust(outcomes[0].choices, tuple(outcomes))
    assert robust.fragile is fragile
    entry = claim("U1", part(0.5))
    attach({"U1": entry}, {"U1": robust})
    assert is_fragile(entry) is fragile


def test_what_is_not_known_is_not_fragile():
    assert not is_fragile(claim("U1", part(0.5)))


def test_of_a_claim_that_does_not_apply_nothing_is_counted():
    robust = Robust(ROBUST.published, (universe("not applicable", None),))
    entry = claim("U1", part(None, "not applicable"))
    attach({"U1": entry}, {"U1": robust})
    assert robust.is_of(entry) and ROBUST.applies and not robust.applies
    assert "universes" not in entry


@pytest.mark.parametrize("other", [part(0.5, "weak"), part(0.7), part(None, "holds")])
def test_universes_of_other_results_are_left_out(other):
    entry, own = claim("U1", other), claim("U1", part(0.5 + 1e-4))
    attach({"U1": entry}, {"U1": ROBUST})
    attach({"U1": own}, {"U1": ROBUST})
    assert "universes" not in entry and own["universes"] == {"agree": 2, "combinations": 3}


def test_what_is_written_is_read_again(tmp_path):
    undefined = Robust(PUBLISHED, (universe("inconclusive", None, ()),))
    assert robustness.read(save_robustness(tmp_path)) == {"U1": ROBUST}
    assert robustness.read(save_robustness(tmp_path, U1=undefined)) == {"U1": undefined}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda of: of.pop("claims"), "claims"),
        (lambda of: of.update(format=0), "form"),
        (lambda of: of["claims"]["U1"].update(agree=3), "U1"),
        (lambda of: of["claims"]["U1"]["columns"].pop(), "U1"),
        (lambda of: of["claims"]["U1"]["universes"][0].pop(), "U1"),
        (lambda of: of["claims"]["U1"]["universes"][0].__setitem__(0, 7), "U1"),
        (lambda of: of["claims"]["U1"]["universes"][0].__setitem__(-2, "much"), "U1"),
        (lambda of: of["claims"]["U1"]["universes"].pop(0), "U1"),
        (lambda of: of["claims"].update(U99=of["claims"].pop("U1")), "U99"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, change, named):
    path = save_robustness(tmp_path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=named) as refusal:
        robustness.read(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path):
    (tmp_path / "no.json").write_text("{")
    for path in (tmp_path / "gone.json", tmp_path / "no.json"):
        with pytest.raises(InputError, match=path.name):
            robustness.read(path)


def test_traces_name_a_commit_each(tmp_path):
    path = save_robustness(tmp_path)
    content = json.loads(path.read_text())
    content["provenance"] |= {"commit": "b", "chapters": {"mixer": {"seconds": 1}, "uniformity": {"commit": "a"}}}
    path.write_text(json.dumps(content))
    assert robustness.read_traces(path) == {"mixer": {"commit": "b", "seconds": 1}, "uniformity": {"commit": "a"}}
