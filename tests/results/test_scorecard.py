"""The scorecard is made of result files alone."""

from handmade import result

from seelike.results import runs
from seelike.results.scorecard import gather


def test_gathers_what_the_folder_holds_before_what_the_repository_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "published")
    result(0.5).save(tmp_path / "published")
    result(0.123).save(tmp_path / "fresh")
    assert gather(tmp_path / "fresh")["pocket"]["U1"]["parts"]["U1"]["effect"] == 0.123
    assert gather(tmp_path / "none")["pocket"]["U1"]["parts"]["U1"]["effect"] == 0.5
