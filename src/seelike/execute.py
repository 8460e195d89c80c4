"""Execute chapters with papermill: one of them with parameters, or all of them for the book."""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from seelike import address, imports
from seelike.errors import InputError, nearest
from seelike.places import BOOK, PACKAGE, REPOSITORY, RESULTS
from seelike.progress import relay
from seelike.status import describe_run

OVERVIEWS = {"scorecard": 1, "intro": 1, "speed": 1, "status": 2}  # read what came before, and are never kept
AT_ONCE = min(2, os.cpu_count() or 1)  # chapters, each of which may need 1.5 GB
LESS_MEMORY = "if that was for want of memory, lower batch_size or choose smaller models"
KINDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False", list: "a list"}


def execute(notebook: Path, target: Path | None, parameters: dict, key: str = "") -> None:
    """Execute a notebook; `target` (None: nowhere) appears only when all went well, and bears the `key`.

    Raises InputError for what a chapter refuses, and where memory does not suffice.
    """
    with tempfile.TemporaryDirectory() as folder, relay():
        executed = Path(folder) / notebook.name
        try:
            papermill.execute_notebook(notebook, executed, parameters, progress_bar=False, kernel_name="python3")
        except DeadKernelError:
            raise InputError(f"{notebook.stem} was ended by the system; {LESS_MEMORY}") from None
        except PapermillExecutionError as error:
            if error.ename == "InputError":
                raise InputError(error.evalue) from None
            if error.ename in ("OutOfMemoryError", "MemoryError"):
                raise InputError(f"{notebook.stem} needs more memory than there is; {LESS_MEMORY}") from None
            raise
        if target:
            _note(executed, {"key": key})
            put(executed, target)


def read_key(target: Path) -> str | None:
    """The key that an executed notebook bears; None where there is no such notebook."""
    try:
        return nbformat.read(target, as_version=4).metadata.get("seelike", {}).get("key")
    except (OSError, ValueError):
        return None


def execute_apart(notebook: Path, target: Path, parameters: dict[str, str]) -> None:
    """The same in a process of its own, with its share of the processor's cores; what it refuses is a RuntimeError.

    The executed notebook bears what that took, see `read_cost`.
    """
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / notebook.name
        command = [sys.executable, "-P", PACKAGE / "apart.py", notebook, executed, json.dumps(parameters)]
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // AT_ONCE))}
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, env=threads | os.environ)
        if done.returncode:
            raise RuntimeError(f"{notebook.stem} could not be executed:\n{done.stderr[-3000:]}")
        peak = json.loads(done.stdout.splitlines()[-1])
        _note(executed, {"cost": describe_run(time.monotonic() - began, peak)})
        put(executed, target)


def read_cost(executed: Path) -> dict:
    """What the execution of a chapter of the built book took, where and of which commit; empty where not noted."""
    return nbformat.read(executed, as_version=4).metadata.get("seelike", {}).get("cost", {})


def _note(executed: Path, about: dict) -> None:
    """Let an executed notebook bear something about itself."""
    page = nbformat.read(executed, as_version=4)
    page.metadata["seelike"] = about
    nbformat.write(page, executed)


def put(executed: Path, target: Path) -> None:
    """Copy a file to its place, whole or not at all."""
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
    if chapter not in known:
        raise InputError(f"chapter must be one of {', '.join(known)}, not {chapter!r}{nearest(chapter, known)}")
    return known[chapter]


def read_parameters(notebook: Path) -> dict:
    """Parameter → default, from the cell tagged `parameters`; its values are plain literals."""
    tree = ast.parse(_parameters_cell(notebook).source)
    return {line.targets[0].id: ast.literal_eval(line.value) for line in tree.body if isinstance(line, ast.Assign)}


def read_profile(profile: str) -> dict:
    """The parameters of a profile, by name or as a .yaml file; raises InputError with the names there are."""
    known = {path.stem: path for path in sorted((BOOK / "profiles").glob("*.yaml"))}
    path = known.get(profile, Path(profile))
    if profile not in known and not (path.suffix in (".yaml", ".yml") and path.is_file()):
        raise InputError(
            f"profile must be one of {', '.join(known)}, or a .yaml file, not {profile!r}{nearest(profile, known)}"
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"profile {profile!r} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InputError(f"profile {profile!r} must hold lines such as 'n_images: 512'")
    return values


def stage_book(folder: Path) -> None:
    """Lay out the book's sources in `folder`, every chapter executed at its defaults, two at a time.

    A chapter whose code, package, weights and stored results are those of its last execution keeps its
    outputs and only takes the new prose. What the chapters found comes to lie in `results` beside `folder`.
    Where the book's address is known, its pages install the package at the commit that is staged.

    Raises InputError outside of a clone.
    """
    if not REPOSITORY:
        raise InputError("the book can only be built in a clone of it; a chapter runs anywhere: seelike run CHAPTER")
    from seelike.site.furnish import furnish

    source = address.find_source(BOOK.parent)
    build = folder.parent
    build.mkdir(parents=True, exist_ok=True)
    for made in ("results", "costs"):
        shutil.rmtree(build / made, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        fresh = Path(scratch) / folder.name
        shutil.copytree(BOOK, fresh / "book", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(BOOK.parent / name, fresh)
        for notebook, executed in _execute_all(sorted(BOOK.glob("*.ipynb")), build).items():
            page = _with_outputs(notebook, executed)
            nbformat.write(address.pin(page, source) if source else page, fresh / "book" / notebook.name)
        furnish(fresh, build / "results")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _execute_all(notebooks: list[Path], build: Path) -> dict[Path, Path]:
    """Each notebook → its executed copy; the overviews after all others. At the first failure no other is begun."""
    done = {}
    turns = [[n for n in notebooks if OVERVIEWS.get(n.stem, 0) == turn] for turn in range(3)]
    with relay():
        for pages in turns:
            pool = ThreadPoolExecutor(AT_ONCE)
            try:
                done |= zip(pages, pool.map(lambda page: _execute_unless_known(page, build), pages), strict=True)
            finally:
                pool.shutdown(cancel_futures=True)
    return done


def _execute_unless_known(notebook: Path, build: Path) -> Path:
    """The executed notebook, from `build/executed/<name>/<key>`, where its results lie too."""
    store = build / "executed" / notebook.stem
    known = store / hash_chapter(notebook, {}, _published_elsewhere())
    executed = known / notebook.name
    if notebook.stem in OVERVIEWS or not executed.is_file():
        print(f"{notebook.stem}: executing", file=sys.stderr, flush=True)
        shutil.rmtree(store, ignore_errors=True)
        results = build / "results" if notebook.stem in OVERVIEWS else known / "results"
        places = {"results_dir": str(results), "costs_dir": str(build / "costs")}
        takes = read_parameters(notebook)
        execute_apart(notebook, executed, {name: place for name, place in places.items() if name in takes})
    else:
        print(f"{notebook.stem}: nothing but prose can have changed, keeping its outputs", file=sys.stderr)
    if (known / "results").is_dir():
        shutil.copytree(known / "results", build / "results", dirs_exist_ok=True)
    (build / "costs").mkdir(exist_ok=True)
    (build / "costs" / f"{notebook.stem}.json").write_text(json.dumps(read_cost(executed)), encoding="utf-8")
    return executed


def _published_elsewhere() -> tuple[Path, ...]:
    """What is published but the very numbers that the book's chapters compute anew, which they do not read."""
    return tuple(sorted(folder for folder in RESULTS.iterdir() if folder.is_dir() and folder.name != "pocket"))


def _with_outputs(notebook: Path, executed: Path) -> nbformat.NotebookNode:
    """The notebook as it is now, with the outputs of its last execution."""
    page = nbformat.read(notebook, as_version=4)
    ran = [cell for cell in nbformat.read(executed, as_version=4).cells if cell.cell_type == "code"]
    ran = [cell for cell in ran if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell, done in zip((c for c in page.cells if c.cell_type == "code"), ran, strict=True):
        cell.outputs = done.outputs
    return page


def hash_chapter(notebook: Path, parameters: dict, folders: tuple[Path, ...] = ()) -> str:
    """A hash of all that a chapter's outputs can depend on; where the package could be installed from is not of it.

    Of the package that is what the notebook imports, directly or not, and every file that is no Python.
    """
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    code = [cell.source for cell in code if "install" not in cell.metadata.get("tags", [])]
    libraries = sorted((each.name, each.version) for each in metadata.distributions())
    digest = hashlib.sha256(json.dumps([code, parameters, libraries], sort_keys=True).encode())
    package = imports.trace(code) | {p for p in _files(PACKAGE) if p.suffix != ".py"}
    for root, files in ((PACKAGE, package), *((folder, _files(folder)) for folder in folders)):
        for file in sorted(files):
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def _parameters_cell(notebook: Path) -> nbformat.NotebookNode:
    cells = nbformat.read(notebook, as_version=4).cells
    return next(cell for cell in cells if "parameters" in cell.metadata.get("tags", []))


def convert(name: str, value, default):
    """Text from the command line, or a value from a profile, to the type of the parameter's default."""
    kind = type(default)
    if isinstance(value, str) and kind is not str:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise InputError(f"{name} must be {KINDS[kind]}, not {value!r}") from None
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise InputError(f"{name} must be {KINDS[kind]}, not {value!r}")
    return value
