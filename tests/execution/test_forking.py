"""Processes of their own: with this environment, forked kernels that give what kernels of their own give."""

import os
from pathlib import Path

import nbformat
import pytest

from seelike.execution import apart, forking

IMPORTED = "import sys\nprint('torch' in sys.modules, 'seelike.chapters.registry' in sys.modules)"
DRAWN = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def write(path: Path, *code: str) -> Path:
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    cells = [nbformat.v4.new_code_cell(each) for each in code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def execute(notebook: Path, fork: bool) -> list:
    done = notebook.with_name("done.ipynb")
    peak = forking.do_apart(apart.execute, notebook, done, {}, fork, fork=fork)
    assert peak is None or peak > 20
    return [output for cell in nbformat.read(done, as_version=4).cells for output in cell.outputs]


@pytest.mark.kernel
@pytest.mark.skipif(not forking.CAN_FORK, reason="this system forks no process")
def test_a_forked_kernel_has_imported_what_another_has_not_and_draws_the_same(tmp_path):
    notebook = write(tmp_path / "page.ipynb", IMPORTED, DRAWN)
    (own, drawn), (forked, drawn_again) = (execute(notebook, fork) for fork in (False, True))
    assert own.text == "False False\n" and forked.text == "True True\n"
    assert drawn.data["image/png"] == drawn_again.data["image/png"]


@pytest.mark.kernel
@pytest.mark.parametrize("fork", [False, forking.CAN_FORK])
def test_a_cell_that_fails_is_told(tmp_path, fork):
    with pytest.raises(RuntimeError, match=r"(?s)page could not be executed.*ValueError: enough"):
        execute(write(tmp_path / "page.ipynb", "raise ValueError('enough')"), fork)


@pytest.mark.processes
@pytest.mark.parametrize("fork", [False, forking.CAN_FORK])
def test_a_process_has_the_environment_of_today(monkeypatch, fork):
    for word in ("one", "two"):
        monkeypatch.setenv("SEELIKE_WORD", word)
        assert forking.do_apart(os.getenv, "SEELIKE_WORD", fork=fork) == word


@pytest.mark.processes
def test_what_is_raised_apart_is_raised_here():
    with pytest.raises(ValueError, match="ten"):
        forking.do_apart(int, "ten")
