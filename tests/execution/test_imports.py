"""What a chapter's outputs depend on, told from its imports: against what Python itself loads."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from seelike.execution import imports
from seelike.system.paths import BOOK, PACKAGE

NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


def names(sources: list[str]) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in imports.trace(sources)}


def test_nothing_of_the_package_is_found_where_nothing_of_it_is_imported():
    assert names(["import numpy\nfrom os import path\n'seelike.measures.cka'", ""]) == set()


def test_a_library_is_asked_for_by_a_source_or_by_what_it_imports_of_the_package():
    for source in ("def f():\n    import torch.nn", "import seelike", "from seelike.chapters import registry"):
        assert imports.ask_for("torch", ["x = 1", source])
    for source in ("import torchvision", "# import torch", "from seelike.results import drift"):
        assert not imports.ask_for("torch", [source])


@pytest.mark.parametrize(
    "source",
    [
        "import seelike.system.writable",
        "from seelike.system import writable",
        "from seelike.system.writable import is_writable",
    ],
)
def test_all_ways_to_import_a_module_count(source):
    assert names([source]) - names(["import seelike.system.version"]) == {"system/writable.py"}


def test_what_the_face_gives_by_name_counts_where_it_is_imported_and_nowhere_else():
    assert {"library/cka.py", "measures/receptive_field.py", "models/bundled.py"} <= names(["import seelike as sl"])
    for source in ("from seelike import cka", "from seelike import figures, plot as draw", "from seelike import *"):
        assert names(["import seelike"]) <= names([source])
    assert "library/cka.py" not in names(["from seelike import figures"])
    assert not {"library/cka.py", "models/bundled.py"} & names(["import seelike.system.writable"])


def test_of_the_face_counts_what_is_asked_of_it_in_any_cell_and_all_of_it_where_it_stands_alone():
    every, cka = names(["import seelike as sl"]), {"library/cka.py", "library/__init__.py", "models/bundled.py"}
    asked = names(["import seelike as sl", "def late():\n    sl.cka(1)"])
    assert cka <= asked and not asked & {"library/norm_ratio.py", "measures/receptive_field.py"}
    assert "library/norm_ratio.py" in names(["import seelike", "seelike.cka(1)", "seelike.norm_ratio(1)"])
    assert names(["import seelike as sl\nsl.cka(1)", "print(dir(sl))"]) == every
    assert "models/bundled.py" in names(["import seelike as sl\nprint(sl.__version__)"])


def test_an_import_inside_a_function_counts():
    assert "system/errors.py" in names(["def late():\n    from seelike.system.errors import InputError"])


def test_imports_are_followed_and_others_left_out():
    found = names(["from seelike.figures import skip_connections"])
    assert {
        "figures/skip_connections.py",
        "figures/heatmaps.py",
        "figures/style.py",
        "system/errors.py",
    } <= found
    assert not found & {"cli.py", "measures/norm_ratio.py", "figures/attention_distance.py", "execution/imports.py"}


def test_a_chapter_depends_on_its_own_measures_and_not_on_those_of_others():
    own = {name: names(read_code(BOOK / f"{name}.ipynb")) for name in ("uniformity", "mixer", "skip_connections")}
    assert {"chapters/uniformity.py", "measures/cka.py", "chapters/run.py"} <= own["uniformity"]
    assert not own["uniformity"] & {
        "chapters/mixer.py",
        "chapters/skip_connections.py",
        "measures/receptive_field.py",
    }
    assert "measures/norm_ratio.py" in own["skip_connections"] and "chapters/mixer.py" not in own["skip_connections"]
    assert {"chapters/mixer.py", "measures/layer_cka.py", "chapters/rehearsal.py"} <= own["mixer"]
    assert not own["mixer"] & {"chapters/uniformity.py", "chapters/registry.py"}
    assert {"chapters/registry.py", "chapters/mixer.py"} <= names(read_code(BOOK / "families.ipynb"))


@pytest.fixture(scope="module")
def loaded():
    """Notebook → the package's files that its imports load: in one process, which forgets the package in between."""
    lines = ["import json, sys", "loaded = {}"]
    for notebook in NOTEBOOKS:
        forgotten = "n.split('.')[0] == 'seelike' or n == 'timm'"  # with timm come the bundled models
        lines.append(f"for name in [n for n in sys.modules if {forgotten}]: del sys.modules[name]")
        code = "\n".join(read_code(notebook)).splitlines()
        lines += [line for line in code if line.startswith(("import seelike", "from seelike"))]
        lines.append("mine = [m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'seelike']")
        lines.append(f"loaded[{notebook.stem!r}] = mine")
    command = [sys.executable, "-W", "ignore", "-c", "\n".join([*lines, "print(json.dumps(loaded))"])]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def read_code(notebook: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_that_python_loads_is_found(notebook, loaded):
    assert len(loaded[notebook.stem]) > 5
    assert set(loaded[notebook.stem]) <= {str(path) for path in imports.trace(read_code(notebook))}
