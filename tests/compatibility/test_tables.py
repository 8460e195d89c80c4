"""The page's tables say what the stored results say."""

import json

from seelike.compatibility.families import read_table
from seelike.compatibility.tables import families, letters, profiles, refusals
from seelike.execution.notebook import read_profile
from seelike.results.claims import OF_PAPER
from seelike.results.runs import read_runs
from seelike.system.paths import RESULTS


def test_letters_are_the_parts_that_a_model_can_take():
    assert letters({"vit": "", "cnn": "no", "mixer": ""}) == "v m"
    assert letters({"vit": "no", "cnn": "no"}) == "–"


def test_every_family_has_its_row_and_its_refusals():
    rows = families().splitlines()
    assert len(rows) == len(read_table()) + 2
    (swin,) = (row for row in rows if row.startswith("| **Swin**<br>"))
    assert swin.split(" | ")[1:3] == ["v c", "c"]  # it has no attention among all patches
    said = [row for row in refusals().splitlines() if row.startswith("| **Swin** ")]
    assert any("attention distance | vit must be a ViT" in row for row in said)
    assert not any(row.startswith("| **DeiT** ") for row in refusals().splitlines())


def test_every_profile_has_its_row():
    rows = profiles().splitlines()[2:]
    shown = [row.split("`")[1] for row in rows]
    assert shown == [*(run for run in read_runs() if (RESULTS / run).is_dir()), "paper"]
    assert all("measured: " in row for row in rows[:-1]) and "at the pace of a rehearsal" in rows[-1]


def test_every_chapter_of_the_paper_profile_was_rehearsed_on_its_models():
    wanted = read_profile("paper")
    for chapter in {claim.chapter for claim in OF_PAPER.values()} | {"methods"}:
        said = json.loads((RESULTS / "rehearsed" / "paper" / f"{chapter}.json").read_text())
        assert said["images"] == wanted["n_images"]
        assert {role: model["name"] for role, model in said["models"].items()}.items() <= wanted.items()
