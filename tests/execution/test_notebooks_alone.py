"""What lets a notebook run alone in an empty folder: its install cell, its imports, and no path to the repository."""

import ast
import re
import sys
import tomllib
from importlib import metadata

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

from seelike.system.paths import BOOK, REPOSITORY

NOTEBOOKS = pytest.mark.parametrize("path", sorted(BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLED = {Requirement(spec).name.lower() for spec in PROJECT["dependencies"]} | {"seelike"}
BROUGHT = {"IPython": "ipykernel"}  # a package that another one of the dependencies cannot do without


def read_code(path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def find_imports(code: str) -> set[str]:
    """The packages that a cell imports, its magics read as IPython does."""
    tree = ast.parse(TransformerManager().transform_cell(code))
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in named}


@NOTEBOOKS
def test_the_first_cell_of_code_installs_and_is_not_shown(path):
    tags = [cell.metadata.get("tags", []) for cell in read_code(path)]
    assert tags[0] == ["install", "remove-cell"]
    assert not any("install" in others for others in tags[1:])
    before = nbformat.read(path, as_version=4).cells[0]
    assert before.cell_type == "markdown" and re.search(r"^# ", before.source, re.M)  # the page's title comes first


@NOTEBOOKS
def test_it_imports_only_what_the_package_depends_on(path):
    imported = set().union(*(find_imports(cell.source) for cell in read_code(path)))
    providers = metadata.packages_distributions()
    for name in imported - set(sys.stdlib_module_names):
        packages = {BROUGHT.get(name, package).lower() for package in providers[name]}
        assert packages & INSTALLED, f"{path.name} imports {name}, of {packages}"


@NOTEBOOKS
def test_its_code_names_no_file_of_the_repository(path):
    for cell in read_code(path):
        texts = [node.value for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source)))
                 if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
        assert not [text for text in texts if re.search(r"\.\./|^/|\b(book|src|tests)/|\.(json|yaml|md)$", text)]
