"""The package installed from git where there is no clone, as on Colab: by a notebook's own cell, whole, and offline."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from seelike.results.results import Result
from seelike.results.runs import read_runs
from seelike.site.address import pin
from seelike.system.paths import BOOK, PACKAGE, REPOSITORY, RESULTS

SMALL = {"profile": "mine", "n_images": 20, "batch_size": 4, "layers": "blocks", "n_seeds": 1, "vit_small": ""}
PACKAGED = ("src", "book", "results", "pyproject.toml", "setup.py", "README.md", "LICENSE")
ROOMS = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}

pytestmark = pytest.mark.install


def ask(*command, **how) -> str:
    """What a command prints; where it fails, the test shows what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **how)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> tuple[str, str]:
    """A repository to install from and its commit, which holds the package as it is now in the working tree."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    bare = tmp_path_factory.mktemp("origin") / "seelike.git"
    ask("git", "clone", "--quiet", "--bare", REPOSITORY, bare)
    git = ["git", f"--git-dir={bare}", f"--work-tree={REPOSITORY}", "-c", "user.name=a", "-c", "user.email=a@b"]
    ask(*git, "read-tree", "HEAD")
    ask(*git, "add", "--all", *PACKAGED, cwd=REPOSITORY)
    ask(*git, "commit", "--quiet", "--allow-empty", "--message=as it is now")
    return bare.as_uri(), ask(*git, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A fresh environment's folder of programs: all that this one has is there to see, but for the package."""
    root = tmp_path_factory.mktemp("fresh")
    view = root / "view"
    view.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for there in Path(site).iterdir():
            if "seelike" not in there.name and not (view / there.name).exists():
                (view / there.name).symlink_to(there)
    ask(sys.executable, "-m", "venv", "--without-pip", root / "venv")
    programs = next(folder for folder in (root / "venv" / "bin", root / "venv" / "Scripts") if folder.is_dir())
    fresh = ask(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(fresh, "seen.pth").write_text(f"{view}\n")
    return programs


@pytest.fixture(scope="module")
def offline(environment) -> dict[str, str]:
    """The process's environment: pip may ask no registry, and builds with the setuptools that it sees."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "GIT_"))}
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}  # 0: none
    path = f"{environment}{os.pathsep}{os.environ['PATH']}"
    return kept | pip | {"PATH": path, "VIRTUAL_ENV": str(environment.parent)}


def find_package(environment: Path, offline: dict[str, str]) -> Path | None:
    """Where the fresh environment would import the package from."""
    code = "from importlib.util import find_spec; print(getattr(find_spec('seelike'), 'origin', ''))"
    found = ask(environment / "python", "-c", code, cwd=environment, env=offline).strip()
    return Path(found).parent if found else None


@pytest.fixture(scope="module")
def notebook_ran(origin, environment, offline, tmp_path_factory) -> Path:
    """An empty folder where a notebook came alone, installed the package by its own first cell, and ran to its end."""
    folder = tmp_path_factory.mktemp("empty")
    url, commit = origin
    page = pin(nbformat.read(BOOK / "uniformity.ipynb", as_version=4), f"git+{url}@{commit}")
    nbformat.write(page, folder / "alone.ipynb")
    assert find_package(environment, offline) is None
    run = [environment / "python", "-m", "papermill", "alone.ipynb", "out.ipynb", "--no-progress-bar", "-k", "python3"]
    ask(*run, *(word for name, value in SMALL.items() for word in ("-p", name, value)), cwd=folder, env=offline)
    return folder


def test_a_notebook_alone_installs_the_package_and_runs(notebook_ran, origin, environment, offline):
    result = Result.load(notebook_ran / "results" / "mine" / "uniformity.json")
    assert result.provenance["commit"] == origin[1]
    assert {"U1", "U2"} <= set(result.claims)
    assert environment.parent in find_package(environment, offline).parents


def test_the_installed_package_is_whole_and_no_more(notebook_ran, environment, offline):
    package = find_package(environment, offline)
    for kept, ours in (("book", BOOK), ("published", RESULTS)):
        files = {p.relative_to(package / kept) for p in (package / kept).rglob("*") if p.is_file()}
        patterns = ("*.ipynb", "*.yaml", "profiles/*.yaml", "runs/*.yaml", "concepts/*.svg", "**/*.json")
        assert files == {p.relative_to(ours) for pattern in patterns for p in ours.glob(pattern)}
    folders = {p.name for p in package.iterdir() if p.is_dir()} - {"__pycache__"}
    assert folders == {"book", "published", *ROOMS}


def test_the_command_finds_chapters_and_published_results_in_an_empty_folder(
    notebook_ran, environment, offline, tmp_path
):
    seelike = environment / "seelike"
    ask(seelike, "run", "scorecard", cwd=tmp_path, env=offline)
    page = nbformat.read(tmp_path / "scorecard.out.ipynb", as_version=4)
    shown = str([cell.outputs for cell in page.cells if cell.cell_type == "code"])
    published = [run for run in read_runs() if (RESULTS / run).is_dir()]
    assert published and all(f"`{run}`" in shown for run in published)
    refused = subprocess.run([seelike, "book", "site"], cwd=tmp_path, env=offline, capture_output=True, text=True)
    assert refused.returncode == 2 and "in a clone" in refused.stderr
    assert not (tmp_path / "site").exists()
