"""Execute a chapter with papermill: the parameters it has, and what its outputs depend on."""

import ast
import hashlib
import json
import platform
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from seelike.execution import imports
from seelike.execution.apart import WRITTEN_ONCE
from seelike.system import memory
from seelike.system.errors import InputError, nearest
from seelike.system.files import written_whole
from seelike.system.paths import BOOK, PACKAGE
from seelike.system.progress import relay

KINDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False", list: "a list"}


def execute(notebook: Path, target: Path | None, parameters: dict, key: str = "") -> None:
    """Execute a notebook; `target` (None: nowhere) appears only when all went well, and bears the `key`.

    Raises InputError for what a chapter refuses, and where memory does not suffice.
    """
    with tempfile.TemporaryDirectory() as folder, relay():
        executed = Path(folder) / notebook.name
        try:
            papermill.execute_notebook(notebook, executed, parameters, **WRITTEN_ONCE)
        except DeadKernelError:
            raise InputError(
                f"{notebook.stem} was ended by the system; if that was for want of memory, {memory.LESS}"
            ) from None
        except PapermillExecutionError as error:
            if error.ename in ("InputError", "Degenerate"):
                raise InputError(error.evalue) from None
            if memory.ran_out(error.ename, error.evalue):
                raise memory.refuse(notebook.stem) from None
            raise
        if target:
            note(executed, {"key": key})
            put(executed, target)


def read_key(target: Path) -> str | None:
    """The key that an executed notebook bears; None where there is no such notebook."""
    try:
        return nbformat.read(target, as_version=4).metadata.get("seelike", {}).get("key")
    except (OSError, ValueError):
        return None


def note(executed: Path, about: dict) -> None:
    """Let an executed notebook bear something about itself."""
    page = nbformat.read(executed, as_version=4)
    page.metadata["seelike"] = about
    nbformat.write(page, executed)


def put(executed: Path, target: Path) -> None:
    """Copy a file to its place, whole or not at all."""
    with written_whole(target) as beside:
        shutil.copyfile(executed, beside)


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
    known = dict(sorted((path.stem, path) for path in (BOOK / "profiles").glob("*.yaml")))
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


def hash_chapter(notebook: Path, parameters: dict, places: tuple[Path, ...] = ()) -> str:
    """A hash of all that a chapter's outputs can depend on; where the package could be installed from is not of it.

    Of the package that is what the notebook imports, directly or not, and every file that is no Python; `places` are
    files, and folders, of which every file counts.
    """
    return hash_code(_read_code(notebook), parameters, places)


def needs_torch(notebook: Path) -> bool:
    """Whether its kernel imports torch, which takes long."""
    return imports.ask_for("torch", _read_code(notebook))


def _read_code(notebook: Path) -> list[str]:
    """The cells with code, but for what says where the package could be installed from."""
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    return [cell.source for cell in code if "install" not in cell.metadata.get("tags", [])]


def hash_code(code: list[str], parameters: dict, places: tuple[Path, ...] = ()) -> str:
    """The same of some code."""
    libraries = sorted((each.name, each.version) for each in metadata.distributions())
    libraries.append(("Python", platform.python_version()))
    digest = hashlib.sha256(json.dumps([code, parameters, libraries], sort_keys=True).encode())
    package = imports.trace(code) | {p for p in _files(PACKAGE) if p.suffix != ".py"}
    for root, files in ((PACKAGE, package), *((place, _files(place)) for place in places)):
        for file in sorted(files):
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(root: Path) -> set[Path]:
    if root.is_file():
        return {root}
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
