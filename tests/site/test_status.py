"""The status page: what each execution took, and whether the numbers are the published ones."""

import subprocess
import sys
import time

import nbformat
import pytest

from seelike.results.drift import Drift
from seelike.site import status
from seelike.site.stage import execute_apart, read_cost
from seelike.system.paths import RESULTS

COST = {
    "seconds": 61.2, "peak_mib": 1234, "finished": "2026-01-02 03:04", "machine": "Linux", "commit": "a" * 40,
    "version": "1", "python": "3.11", "libraries": {"torch": "2"},
}  # fmt: skip


def test_a_page_s_row_holds_seconds_memory_date_and_agreement():
    drifts = {"mixer": Drift("mixer", 2e-6, "cka.vit"), "methods": Drift("methods", 0.0, "")}
    rows = status.pages({"mixer": COST, "methods": COST, "pocket": COST}, drifts).splitlines()[2:]
    assert rows[1].startswith("| [MLP-Mixer](mixer.ipynb) | 61 | 1,234\N{NO-BREAK SPACE}MiB | 2026")
    assert rows[1].endswith("agree, but for 2e-06 in `cka.vit` |")
    assert rows[0].endswith("agree exactly |") and rows[2].endswith("none of its own |")


def test_what_differs_and_what_was_not_noted_is_said():
    drifts = {"mixer": Drift("mixer", 0.2, "M1", ("M1 differs by 0.2", "M2: open; now holds"))}
    (row,) = status.pages({"mixer": {}}, drifts).splitlines()[2:]
    assert row.count("not noted") == 3
    assert row.endswith("differ: M1 differs by 0.2; M2: open; now holds |")
    assert "make book" in status.pages({}, {})


def test_pages_executed_alike_share_a_row():
    other = COST | {"commit": "b" * 40 + "+"}
    assert len(status.conditions({"mixer": COST, "methods": COST, "pocket": {}}).splitlines()) == 3
    apart = status.conditions({"mixer": COST, "methods": other}).splitlines()[2:]
    assert "(mixer.ipynb)" in apart[0] and "not committed" in apart[1]
    assert status.conditions({"mixer": {}}) == ""


def test_the_prose_counts_chapters_and_minutes():
    drifts = {"mixer": Drift("mixer", 2e-6, "cka.vit"), "methods": Drift("methods", 0.2, "x", ("fault",))}
    found = status.phrases({"mixer": COST, "methods": COST, "pocket": {}}, drifts)
    assert found == {"compared": "2", "agreement": "1 of them agree", "minutes": "2", "largest": "0.2"}
    assert status.phrases({}, {})["agreement"] == "all of them agree"


def test_published_numbers_are_compared_where_there_are_fresh_ones(tmp_path):
    assert status.compare_published(tmp_path) == {}
    assert all(drift.agrees and not drift.largest for drift in status.compare_published(RESULTS).values())


@pytest.fixture
def hungry(tmp_path):
    """A notebook that takes 300 MB and a parameter."""
    cells = [
        nbformat.v4.new_code_cell('results_dir = ""', metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("block = bytearray(b'x' * 300_000_000)\nprint(results_dir)"),
    ]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "hungry.ipynb")
    return tmp_path / "hungry.ipynb"


@pytest.mark.kernel
def test_an_executed_page_bears_its_seconds_and_the_memory_of_its_kernel(hungry):
    done = hungry.with_name("done.ipynb")
    began = time.monotonic()
    execute_apart(hungry, done, {"results_dir": "it's [here]"})
    cost, taken = read_cost(done), time.monotonic() - began
    assert 0 < cost["seconds"] <= taken + 0.1 and cost["finished"] and cost["libraries"]["torch"]
    assert cost["peak_mib"] is None or 300 < cost["peak_mib"] < 900
    (printed,) = (output.text for cell in nbformat.read(done, as_version=4).cells for output in cell.outputs)
    assert printed == "it's [here]\n"
    assert read_cost(hungry) == {}


def test_the_process_that_executes_imports_no_torch():
    code = "import sys; import seelike.execution.apart; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
