"""Binder's environment has what the package needs. Only Binder builds it; here its files are held to pyproject.toml."""

import os
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from seelike.system.paths import REPOSITORY

BINDER = REPOSITORY / "binder"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = yaml.safe_load((BINDER / "environment.yml").read_text(encoding="utf-8"))
CONDA = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}  # called otherwise there
TOOLS = {"python", "pip"}


def conda_specs() -> dict[str, str]:
    """Package → its bounds, from conda or from pip."""
    *listed, by_pip = ENVIRONMENT["dependencies"]
    specs = [Requirement(spec.replace("python=", "python==")) for spec in (*listed, *by_pip["pip"])]
    return {spec.name: str(spec.specifier) for spec in specs}


def test_it_gives_every_package_that_the_project_needs_within_the_same_bounds():
    needed = [Requirement(spec) for spec in PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]]
    wanted = {CONDA.get(need.name, need.name): str(need.specifier) for need in needed}
    given = conda_specs()
    assert {name: bounds for name, bounds in given.items() if name not in TOOLS} == wanted


def test_its_python_is_one_that_the_project_runs_on():
    python = conda_specs()["python"].removeprefix("==")
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(python)


def test_it_takes_packages_from_conda_forge_alone():
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


def test_postbuild_is_a_program_that_stops_at_the_first_fault():
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/bash\n") and "set -euo pipefail" in script.read_text()
    assert subprocess.run(["bash", "-n", script]).returncode == 0


@pytest.mark.parametrize("name", ["requirements.txt", "Dockerfile", "runtime.txt", "setup.py"])
def test_no_other_file_there_makes_binder_build_something_else(name):
    assert not (BINDER / name).exists()
