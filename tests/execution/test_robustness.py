"""The command that judges a run in all universes: its file, and what it refuses before long work."""

import json

import pytest
from handmade import save_robustness

from seelike.cli import main
from seelike.execution.robustness import VARIED
from seelike.results import robustness
from seelike.results.claims import CLAIMS


def test_a_chapter_is_measured_into_the_runs_file(tmp_path, capsys):
    small = ["n_images=64", "batch_size=8", "n_seeds=1", "profile=pocket"]
    settings = [word for setting in small for word in ("-p", setting)]
    assert main(["robustness", "mixer", "-o", str(tmp_path), *settings]) == 0
    path = tmp_path / "pocket" / "robustness.json"
    assert capsys.readouterr().out.strip().endswith(str(path))
    found = robustness.read(path)
    assert list(found) == [claim.id for claim in CLAIMS.values() if claim.chapter == "mixer"]
    assert all(each.published == CLAIMS[claim].choices for claim, each in found.items())
    assert {each.choices["images"] for each in found["M1"].outcomes} == {"first", "second"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["nonsense"], ", ".join(VARIED)),
        (["mixer", "-p", "n_images=2"], "n_images must be 4 or more"),
        (["mixer", "-p", "nonsense=2"], "nonsense"),
        (["mixer", "--profile", "nonsense"], "nonsense"),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_nothing_is_left(tmp_path, capsys, given, named):
    assert main(["robustness", *given, "-o", str(tmp_path)]) == 2
    assert named in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_chapter_is_measured_anew_beside_the_others(tmp_path):
    path = save_robustness(tmp_path)
    before = json.loads(path.read_text())
    assert main(["robustness", "convolution", "-o", str(tmp_path), "-p", "profile=pocket", "-p", "n_images=64"]) == 0
    after = json.loads(path.read_text())
    assert list(after["claims"]) == ["U1", "C4", "C5"] and after["claims"]["U1"] == before["claims"]["U1"]
    assert list(after["provenance"]["chapters"]) == ["convolution"]
