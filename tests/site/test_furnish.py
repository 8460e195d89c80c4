"""What lies beside the staged book: fresh results before published ones, every figure's numbers, heatmaps."""

import json
import shutil

import pandas as pd
import pytest

from seelike.site.furnish import furnish
from seelike.site.places import SOURCES
from seelike.system.paths import BOOK, RESULTS


@pytest.fixture
def source(tmp_path):
    """A staged book of two chapters, one of them with heatmaps."""
    (tmp_path / "source" / "book").mkdir(parents=True)
    for name in ("mixer", "methods"):
        shutil.copy(BOOK / f"{name}.ipynb", tmp_path / "source" / "book")
    return tmp_path / "source"


def test_every_figure_gets_its_numbers_and_only_heatmaps_a_script(source, tmp_path):
    furnish(source, tmp_path / "no results")
    numbers = {path.stem for path in (source / "extra" / "numbers").glob("*.csv")}
    assert {name.rsplit("-")[1] for name in numbers} == {"mixer", "methods"} and len(numbers) == 10
    sources = json.loads((source / SOURCES).read_text())
    assert sources.keys() == numbers and sources["fig-mixer-alone"] == ["mixer/pocket"]
    scripts = {path.name for path in (source / "extra" / "heatmaps").glob("*.js")}
    assert scripts == {"fig-mixer-alone.js", "fig-mixer-control.js", "fig-mixer-across.js"}


def test_what_was_just_computed_comes_before_what_is_published(source, tmp_path):
    fresh = json.loads((RESULTS / "pocket" / "mixer.json").read_text())
    fresh["claims"]["M1"]["parts"]["M1a"]["effect"] = 0.123
    (tmp_path / "results" / "pocket").mkdir(parents=True)
    (tmp_path / "results" / "pocket" / "mixer.json").write_text(json.dumps(fresh))
    furnish(source, tmp_path / "results")
    rows = pd.read_csv(source / "extra" / "numbers" / "fig-mixer-effects.csv").set_index(["scale", "part"])
    assert rows["effect"]["pocket", "M1a"] == 0.123
    assert (source / "extra" / "results" / "pocket" / "methods.json").is_file()
    copied = (source / "extra" / "results" / "pocket" / "mixer.json").read_text()
    assert json.loads(copied) == fresh and len(copied) < len(json.dumps(fresh))
