"""The scorecard is made of result files alone."""

from handmade import claim, part, result

from seelike.results import runs
from seelike.results.scorecard import gather


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
