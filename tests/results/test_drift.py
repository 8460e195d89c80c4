"""The drift check: published numbers against fresh ones, chapter by chapter, as `make book` runs it."""

import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handmade import ROBUST, claim, part, result, save_robustness, universe

from seelike.cli import main
from seelike.results.drift import TOLERANCE, measure_drift, report
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result
from seelike.results.robustness import Robust
from seelike.system.errors import InputError
from seelike.system.paths import REPOSITORY

CHAPTERS = ["methods", "mixer", "skip_connections"]
MIXER = {"M1": claim("M1", part(0.2), part(0.1)), "M2": claim("M2", part(-0.2, "reversed"))}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Results of a few chapters, by hand, each with a number that is large."""
    folder = tmp_path_factory.mktemp("published")
    for chapter in CHAPTERS:
        made = result(chapter=chapter, **(MIXER if chapter == "mixer" else {"S4": claim("S4", part())}))
        made.measures["norm_ratio"] = {"vit": LabelledArray({"block": [0, 1]}, np.array([1.0, 50.0]))}
        made.parameters["n_images"] = 1024
        made.save(folder)
    return folder / "pocket"


@pytest.fixture
def fresh(published, tmp_path) -> Path:
    """A copy of them, to be tampered with."""
    return Path(shutil.copytree(published, tmp_path / "pocket"))


def tamper(fresh: Path, chapter: str) -> Result:
    """A chapter's fresh result; save it at `fresh.parent`."""
    return Result.load(fresh / f"{chapter}.json")


def test_the_same_numbers_agree_chapter_by_chapter(published, fresh, capsys):
    assert main(["compare", str(published), str(fresh), "--tolerance", "0"]) == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^{chapter} +0\.0e\+00$", said, re.M) for chapter in CHAPTERS)
    assert f"all {len(CHAPTERS)} chapters agree" in said


@pytest.mark.parametrize(("shift", "code"), [(0.9 * TOLERANCE, 0), (1.1 * TOLERANCE, 1)])
def test_one_number_of_one_measure_beyond_the_tolerance_is_told_by_name(published, fresh, capsys, shift, code):
    found = tamper(fresh, "mixer")
    found.measures["cka"]["cnn"].values[0, 1] -= shift
    found.save(fresh.parent)
    assert main(["compare", str(published), str(fresh)]) == code
    said = capsys.readouterr().out
    assert ("  cka.cnn differs by 0.011" in said) == bool(code)
    assert re.findall(r"^(\S+) .* differs$", said, re.M) == ["mixer"] * code


def test_large_numbers_are_compared_relatively(published, fresh):
    found = tamper(fresh, "skip_connections")
    values = found.measures["norm_ratio"]["vit"].values
    index = np.unravel_index(values.argmax(), values.shape)
    assert values[index] > 5
    values[index] *= 1 + 0.9 * TOLERANCE
    found.save(fresh.parent)
    assert all(drift.agrees for drift in measure_drift(published, fresh))


@pytest.mark.parametrize("kind", ["effect", "control", "training", "interval", "control_interval", "training_interval"])
def test_every_number_of_a_claim_counts(published, fresh, kind):
    found = tamper(fresh, "mixer")
    entry = found.claims["M1"]["parts"]["M1b"]
    entry[kind] = [entry[kind][0] - 0.02, entry[kind][1]] if "interval" in kind else entry[kind] + 0.02
    found.save(fresh.parent)
    (drift,) = (each for each in measure_drift(published, fresh) if not each.agrees)
    assert (drift.chapter, drift.where, drift.faults) == ("mixer", "M1b", ("M1b differs by 0.02",))


def test_a_verdict_that_changed_is_a_difference_though_no_number_moved(published, fresh):
    found = tamper(fresh, "mixer")
    found.claims["M2"]["parts"]["M2"]["verdict"] = "weak"
    found.save(fresh.parent)
    (drift,) = (each for each in measure_drift(published, fresh, tolerance=1) if not each.agrees)
    assert drift.faults[0].startswith("M2: reversed over images (untrained inconclusive); now weak over images")
    assert drift.largest == 0


def test_what_is_missing_is_a_difference_and_the_reasons_are_told(published, fresh):
    (fresh / "skip_connections.json").unlink()
    found = tamper(fresh, "methods")
    found.parameters["n_images"] //= 2
    found.provenance["models"]["vit"]["state_sha256"] = "0" * 64
    del found.measures["cka"]["vit_cnn"]
    found.save(fresh.parent)
    drifts = measure_drift(published, fresh)
    assert [drift.chapter for drift in drifts if not drift.agrees] == ["methods", "skip_connections"]
    said = report(drifts, TOLERANCE)
    assert "skip_connections.json is missing" in said and "2 of 3 chapters differ" in said
    assert "not in both alike: cka.vit_cnn" in said
    assert "made with n_images 1024, now 512; other weights (vit)" in said
    assert next(drift.largest for drift in drifts if drift.chapter == "methods") == math.inf


@pytest.mark.parametrize(
    ("one", "other", "complaint"),
    [
        ("pocket", "nowhere", "nowhere is no folder"),
        ("pocket", "pocket/mixer.json", "mixer.json is no folder"),
        ("empty", "pocket", "holds none"),
    ],
)
def test_what_cannot_be_compared_is_refused(one, other, complaint, fresh, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=complaint):
        measure_drift(tmp_path / one, tmp_path / other)


@pytest.mark.parametrize("flags", [["--plot", "x.png"], ["--tolerance", "nan"], ["--tolerance", "-1"]])
def test_flags_that_make_no_sense_are_refused(flags, published, capsys):
    assert main(["compare", str(published), str(published), *flags]) == 2
    assert capsys.readouterr().err.startswith(f"seelike: {flags[0]} ")


def test_make_book_checks_before_it_builds_the_site():
    recipe = (REPOSITORY / "Makefile").read_text().partition("\nbook:")[2].partition("\n\n")[0]
    steps = [recipe.index(word) for word in ("seelike book", "seelike compare results/pocket", "jupyter-book build")]
    assert steps == sorted(steps)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_tolerance_that_is_told_is_the_one_that_is_kept(page):
    assert f"{TOLERANCE:g}" in (REPOSITORY / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("shift", "code"), [(0.009, 0), (0.02, 1)])
def test_universes_are_compared_where_both_folders_have_them(published, fresh, tmp_path, capsys, shift, code):
    one, other = (Path(shutil.copytree(folder, tmp_path / name / "pocket")) for folder, name in
                  ((published, "one"), (fresh, "other")))  # fmt: skip
    save_robustness(one.parent)
    assert [each.chapter for each in measure_drift(one, other)] == CHAPTERS
    moved = replace(ROBUST.outcomes[1], parts={"U1": (0.1 + shift, 0.0, 0.2, "weak")})
    save_robustness(other.parent, U1=replace(ROBUST, outcomes=(ROBUST.outcomes[0], moved, ROBUST.outcomes[2])))
    assert main(["compare", str(one), str(other)]) == code
    assert ("U1 differs by 0.02" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"U1": Robust(ROBUST.published, ROBUST.outcomes[:2])}, "not in both alike: U1"),
        ({"U1": Robust(ROBUST.published, (universe("weak"), *ROBUST.outcomes[1:]))}, "U1: holds; now weak"),
    ],
)
def test_other_universes_and_other_verdicts_differ(published, fresh, tmp_path, other, named):
    one = Path(shutil.copytree(published, tmp_path / "one" / "pocket"))
    save_robustness(one.parent)
    save_robustness(fresh.parent, **other)
    assert named in measure_drift(one, fresh)[-1].faults
