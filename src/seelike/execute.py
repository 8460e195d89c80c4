"""Execute chapters with papermill: one of them with parameters, or all of them for the book."""

import ast
import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError

from seelike.errors import InputError
from seelike.progress import relay
from seelike.results import REPOSITORY

BOOK = REPOSITORY / "book"
PACKAGE = Path(__file__).parent
OVERVIEWS = ("scorecard", "intro")  # they read what the chapters wrote, so they come last and are never kept
AT_ONCE = min(2, os.cpu_count() or 1)  # chapters, each of which may need 1.5 GB
KINDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False", list: "a list"}


def run(chapter: str, settings: list[str], profile: str = "", output: str = "") -> None:
    """Execute one chapter.

    Args:
        settings: "name=value" each; unknown names and wrong types are refused.
        profile: a file of `book/profiles` to take parameters from first, as far as the chapter has them.
        output: where the executed notebook goes; nothing is left there if the chapter fails.
    """
    notebook = find_chapter(chapter)
    defaults = read_parameters(notebook)
    given = {name: value for name, value in read_profile(profile).items() if name in defaults} if profile else {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"-p takes NAME=VALUE, not {setting!r}")
        given[name] = text
    values = {name: _convert(name, value, defaults, chapter) for name, value in given.items()}
    target = Path(output or f"{chapter}.out.ipynb")
    if target.is_dir():
        raise InputError(f"--output must be a file, not the folder {output!r}")
    execute(notebook, target, values)
    print(f"{chapter}: {target}")


def execute(notebook: Path, target: Path, parameters: dict) -> None:
    """Execute a notebook; `target` appears only when all went well. Raises InputError for what a chapter refuses."""
    with tempfile.TemporaryDirectory() as folder, relay():
        executed = Path(folder) / notebook.name
        try:
            papermill.execute_notebook(notebook, executed, parameters, progress_bar=False, kernel_name="python3")
        except PapermillExecutionError as error:
            if error.ename == "InputError":
                raise InputError(error.evalue) from None
            raise
        _put(executed, target)


def execute_apart(notebook: Path, target: Path, parameters: dict[str, str]) -> None:
    """The same in a process of its own, with its share of the processor's cores; what it refuses is a RuntimeError."""
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / notebook.name
        command = [
            sys.executable,
            "-m",
            "papermill",
            str(notebook),
            str(executed),
            "--no-progress-bar",
            "-k",
            "python3",
        ]
        command += [word for name, value in parameters.items() for word in ("-r", name, value)]
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // AT_ONCE))}
        done = subprocess.run(command, capture_output=True, text=True, env=threads | os.environ)
        if done.returncode:
            raise RuntimeError(f"{notebook.stem} could not be executed:\n{done.stderr[-3000:]}")
        _put(executed, target)


def _put(executed: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")  # a move within one folder is whole or not at all
    shutil.copyfile(executed, beside)
    os.replace(beside, target)


def list_parameters(chapter: str) -> str:
    """The parameters cell of a chapter, comments and all."""
    return _parameters_cell(find_chapter(chapter)).source


def find_chapter(chapter: str) -> Path:
    """The notebook of a chapter; raises InputError with the names there are."""
    known = {path.stem: path for path in sorted(BOOK.glob("*.ipynb"))}
    if not known:
        raise InputError(f"the chapters lie in the repository: install seelike from a clone of it, not in {PACKAGE}")
    if chapter not in known:
        raise InputError(f"chapter must be one of {', '.join(known)}, not {chapter!r}")
    return known[chapter]


def read_parameters(notebook: Path) -> dict:
    """Parameter → default, from the cell tagged `parameters`; its values are plain literals."""
    tree = ast.parse(_parameters_cell(notebook).source)
    return {line.targets[0].id: ast.literal_eval(line.value) for line in tree.body if isinstance(line, ast.Assign)}


def read_profile(profile: str) -> dict:
    """The parameters of a profile; raises InputError with the names there are."""
    known = {path.stem: path for path in sorted((BOOK / "profiles").glob("*.yaml"))}
    if profile not in known:
        raise InputError(f"profile must be one of {', '.join(known)}, not {profile!r}")
    return yaml.safe_load(known[profile].read_text())


def stage_book(folder: Path) -> None:
    """Lay out the book's sources in `folder`, every chapter executed at its defaults, two at a time.

    A chapter whose code, package, weights and stored results are those of its last execution keeps its
    outputs and only takes the new prose. What the chapters found comes to lie in `results` beside `folder`.
    """
    build = folder.parent
    build.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(build / "results", ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        fresh = Path(scratch) / folder.name
        shutil.copytree(BOOK, fresh / "book", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(BOOK.parent / name, fresh)
        for notebook, executed in _execute_all(sorted(BOOK.glob("*.ipynb")), build).items():
            nbformat.write(_with_outputs(notebook, executed), fresh / "book" / notebook.name)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _execute_all(notebooks: list[Path], build: Path) -> dict[Path, Path]:
    """Each notebook → its executed copy; the overviews after all others. At the first failure no other is begun."""
    done = {}
    with relay():
        for pages in ([n for n in notebooks if n.stem not in OVERVIEWS], [n for n in notebooks if n.stem in OVERVIEWS]):
            pool = ThreadPoolExecutor(AT_ONCE)
            try:
                done |= zip(pages, pool.map(lambda page: _execute_unless_known(page, build), pages), strict=True)
            finally:
                pool.shutdown(cancel_futures=True)
    return done


def _execute_unless_known(notebook: Path, build: Path) -> Path:
    """The executed notebook, from `build/executed/<name>/<key>`, where its results lie too."""
    store = build / "executed" / notebook.stem
    known = store / _key(notebook)
    executed = known / notebook.name
    if notebook.stem in OVERVIEWS or not executed.is_file():
        print(f"{notebook.stem}: executing", file=sys.stderr, flush=True)
        shutil.rmtree(store, ignore_errors=True)
        results = build / "results" if notebook.stem in OVERVIEWS else known / "results"
        takes = "results_dir" in read_parameters(notebook)
        execute_apart(notebook, executed, {"results_dir": str(results)} if takes else {})
    else:
        print(f"{notebook.stem}: nothing but prose can have changed, keeping its outputs", file=sys.stderr)
    if (known / "results").is_dir():
        shutil.copytree(known / "results", build / "results", dirs_exist_ok=True)
    return executed


def _with_outputs(notebook: Path, executed: Path) -> nbformat.NotebookNode:
    """The notebook as it is now, with the outputs of its last execution."""
    page = nbformat.read(notebook, as_version=4)
    ran = [cell for cell in nbformat.read(executed, as_version=4).cells if cell.cell_type == "code"]
    ran = [cell for cell in ran if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell, done in zip((c for c in page.cells if c.cell_type == "code"), ran, strict=True):
        cell.outputs = done.outputs
    return page


def _key(notebook: Path) -> str:
    """A hash of all that a chapter's outputs can depend on."""
    code = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    digest = hashlib.sha256(json.dumps(code).encode())
    files = [p for root in (PACKAGE, REPOSITORY / "results") for p in root.rglob("*") if p.is_file()]
    for file in sorted(f for f in files if "__pycache__" not in f.parts):
        digest.update(file.relative_to(REPOSITORY).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    digest.update((REPOSITORY / "requirements.txt").read_bytes())
    return digest.hexdigest()[:16]


def _parameters_cell(notebook: Path) -> nbformat.NotebookNode:
    cells = nbformat.read(notebook, as_version=4).cells
    return next(cell for cell in cells if "parameters" in cell.metadata.get("tags", []))


def _convert(name: str, value, defaults: dict, chapter: str):
    """Text from the command line to the type of the parameter's default."""
    if name not in defaults:
        near = difflib.get_close_matches(name, defaults, n=1, cutoff=0)
        raise InputError(f"{chapter} has no parameter {name!r}; did you mean {near[0]}?")
    kind = type(defaults[name])
    if isinstance(value, str) and kind is not str:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise InputError(f"{name} must be {KINDS[kind]}, not {value!r}") from None
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise InputError(f"{name} must be {KINDS[kind]}, not {value!r}")
    return value
