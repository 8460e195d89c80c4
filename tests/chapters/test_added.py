"""A chapter is added to a copy of the tree: five files are touched, and everything else finds it by itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seelike.system.paths import REPOSITORY

NAME = "block_norm"
ADDED = Path(__file__).with_name("added")
FILES = ("measures", "chapters", "figures")  # a file of the chapter's name in each
FEW = ("-p", "n_images=20", "-p", "batch_size=4", "-p", "n_seeds=1")
GUARDS = (  # tests that hold every chapter to something
    "tests/test_rooms.py",
    "tests/results/test_claims.py",
    "tests/figures/test_scorecard.py",
    "tests/chapters/test_rehearsal.py::test_every_chapter_of_measures_rehearses_and_finds_labelled_arrays",
    "tests/execution/test_measure.py::test_every_chapter_is_opened_as_its_notebook_opens_it",
    "tests/execution/test_notebook.py::test_parameters_are_plain_literals_with_the_common_names",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The tree with the chapter: a measure, a chapter, a figure and a notebook are new, and the claims are longer."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("src", "book", "results", "tests"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "added"))
    for name in ("_config.yml", "_toc.yml", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, copy)
    new = [f"src/seelike/{room}/{NAME}.py" for room in FILES] + [f"book/{NAME}.ipynb"]
    assert sorted(new) == sorted(path.relative_to(ADDED).as_posix() for path in ADDED.glob("*/**/*.*"))
    for file in new:
        assert not (copy / file).exists()
        shutil.copy(ADDED / file, copy / file)
    with (copy / "src/seelike/results/claims.yaml").open("a", encoding="utf-8") as claims:
        claims.write((ADDED / "claims.yaml").read_text(encoding="utf-8"))
    return copy


def call(tree: Path, *words: str) -> str:
    """What a Python process of that tree prints, which must end well."""
    known = os.environ | {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *words], cwd=tree, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.processes
def test_the_registry_the_commands_and_the_contents_know_it(tree):
    registered = call(tree, "-c", "from seelike.chapters.registry import CHAPTERS; print(*CHAPTERS)").split()
    assert registered[-3:] == [NAME, "hybrids", "methods"]  # after all that have claims
    assert 'vit = "vit_pocket_patch8_56.shapes"' in call(tree, "-m", "seelike", "params", NAME)
    contents = "from seelike.site.contents import complete; from seelike.system.paths import BOOK, REPOSITORY; "
    listed = "complete((REPOSITORY / '_toc.yml').read_text(), [page.stem for page in sorted(BOOK.glob('*.ipynb'))])"
    assert f"book/mixer\n  - file: book/{NAME}\n" in call(tree, "-c", f"{contents}print({listed})")


@pytest.mark.processes
def test_it_measures_and_its_claim_is_judged(tree):
    call(tree, "-m", "seelike", "measure", NAME, *FEW, "-p", "results_dir=out")
    result = json.loads((tree / "out" / "mine" / f"{NAME}.json").read_text())
    assert set(result["measures"]) == {NAME, f"{NAME}_random"} and set(result["measures"][NAME]) == {"vit", "cnn"}
    assert result["claims"]["X1"]["parts"]["X1"]["effect"] is not None


@pytest.mark.kernel
def test_it_runs_as_a_page_and_dry(tree):
    assert f"{NAME} suits these models" in call(tree, "-m", "seelike", "run", NAME, "--dry-run")
    call(tree, "-m", "seelike", "run", NAME, *FEW, "-p", "results_dir=page", "-o", "page.ipynb")
    assert (
        '"image/png"' in (tree / "page.ipynb").read_text()
        and "What a block returns" in (tree / "page.ipynb").read_text()
    )


@pytest.mark.processes
def test_what_holds_every_chapter_holds_this_one(tree):
    said = call(tree, "-m", "pytest", "-n0", "-vv", "-p", "no:cacheprovider", *GUARDS)
    assert said.count(f"[{NAME}] PASSED") == 3
