"""The workflow of sweeps: every run planned with its own words; asked of snakemake itself where it is installed."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml

from seelike.chapters.registry import CHAPTERS
from seelike.execution.notebook import read_profile
from seelike.system.paths import REPOSITORY

WORKFLOW = REPOSITORY / "workflow"


def test_the_published_runs_are_profiles_and_chapters_that_there_are():
    config = yaml.safe_load((WORKFLOW / "sweep.yaml").read_text())
    for profile, chapters in config["published"].items():
        assert read_profile(profile)["profile"] == profile and set(chapters) <= set(CHAPTERS)
    assert set(config["chapters"]) <= set(CHAPTERS)


def test_snakemake_is_pinned():
    (line,) = (WORKFLOW / "requirements.txt").read_text().splitlines()
    assert line.startswith("snakemake==")


@pytest.mark.skipif(find_spec("snakemake") is None, reason="needs snakemake, see workflow/requirements.txt")
def test_every_model_data_set_and_seed_is_planned_and_what_is_there_is_not_run_again(tmp_path):
    config = {
        "published": {"pocket": ["mixer"]},
        "models": {"one": {"vit": "vit_pocket_patch8_56.shapes"}, "two": {"vit_small": ""}},
        "datasets": {"drawings": {"dataset": "shapes"}, "pictures": {"dataset": "folder", "data_dir": "my pictures"}},
        "seeds": [0, 1],
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    there = tmp_path / "runs/sweep/pocket/mixer.json"
    there.parent.mkdir(parents=True)
    there.write_text("{}")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(WORKFLOW / "Snakefile"),
        "--configfile",
        "mine.yaml",
    ]
    done = subprocess.run([*command, "--cores", "1", "-n", "-p"], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(" measure uniformity -p ") == 8 and "measure mixer" not in said
    assert "-p dataset=folder -p 'data_dir=my pictures' -p seed=1 -p profile=two-pictures-seed1 -o runs/sweep" in said
