"""The scorecard is made of result files alone."""

from handmade import ROBUST, claim, part, result, save_robustness, universe

from seelike.results import runs
from seelike.results.results import list_results
from seelike.results.robustness import Robust
from seelike.results.scorecard import gather, gather_robustness


def test_gathers_what_the_folder_holds_before_what_the_repository_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "published")
    result(0.5).save(tmp_path / "published")
    result(0.123).save(tmp_path / "fresh")
    assert gather(tmp_path / "fresh")["pocket"]["U1"]["parts"]["U1"]["effect"] == 0.123
    assert gather(tmp_path / "none")["pocket"]["U1"]["parts"]["U1"]["effect"] == 0.5


def test_gathers_the_claims_that_are_asked_for_and_the_own_run_in_any_case(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "published")
    result(0.5).save(tmp_path)
    result(0.5, profile=runs.PHOTOGRAPHS, U1=claim("U1", part())).save(tmp_path)
    assert list(gather(tmp_path, {"U3"})["pocket"]) == ["U3"] and list(gather(tmp_path, {"U3"})) == ["pocket"]
    assert gather(tmp_path, {"A1"}) == {"pocket": {}} and list(gather(tmp_path)) == ["pocket", runs.PHOTOGRAPHS]


def test_entries_are_noted_in_how_many_universes_they_stand_where_the_file_is_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "none")
    result(0.5, profile="pocket").save(tmp_path)
    result(0.9, profile="cifar10").save(tmp_path)
    for run in ("pocket", "cifar10"):
        save_robustness(tmp_path, run)
    found = gather(tmp_path)
    assert found["pocket"]["U1"]["universes"] == {"agree": 2, "combinations": 3}
    assert "universes" not in found["cifar10"]["U1"] and "universes" not in found["pocket"]["U3"]
    assert gather_robustness(tmp_path) == {"pocket": {"U1": ROBUST}}


def test_universes_of_a_claim_that_does_not_apply_are_known_and_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "none")
    fixed = Robust(ROBUST.published, (universe("not applicable", None),))
    result(U1=claim("U1", part(None, "not applicable"))).save(tmp_path)
    save_robustness(tmp_path, U1=fixed)
    assert gather_robustness(tmp_path) == {"pocket": {"U1": fixed}}
    assert "universes" not in gather(tmp_path)["pocket"]["U1"]


def test_a_fresh_result_is_noted_too_and_saved_without(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "published")
    save_robustness(tmp_path / "published")
    fresh = result(0.5)
    path = fresh.save(tmp_path / "fresh")
    assert "universes" in runs.gather(fresh, tmp_path / "fresh")["pocket"].claims["U1"]
    assert "universes" not in path.read_text()
    assert list_results(path.parent) == [path] == list_results(tmp_path / "fresh" / "pocket")
