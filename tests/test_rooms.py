"""The house: imports point down from floor to floor, no two files import each other in a circle, results read alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seelike.system.paths import PACKAGE, RESULTS

FLOORS = (  # a room imports from floors below its own
    ("site", "library"),
    ("execution", "figures", "compatibility"),
    ("chapters", "tables", "training"),
    ("measures", "images", "models"),
    ("activations", "results", "hub"),
    ("system",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(file: Path) -> Iterator[Path]:
    """The package's own files that one imports by name, wherever in it the imports stand."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from filter(None, (find_file(alias.name) for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are written out"
            for alias in node.names:
                yield from filter(None, [find_file(f"{node.module}.{alias.name}") or find_file(node.module)])


def find_file(name: str) -> Path | None:
    top, *parts = name.split(".")
    place = PACKAGE.joinpath(*parts)
    known = (place / "__init__.py", place.with_suffix(".py") if parts else place)
    return next((file for file in known if top == PACKAGE.name and file.is_file()), None)


def room_of(file: Path) -> str:
    """The folder that a file lies in, or, at the top, its name."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def find_circle(arrows: dict[Path, set[Path]]) -> list[str]:
    """Files that import each other, one after the other; none if there are none."""
    left = dict(arrows)
    while left:
        ends = {file for file, after in left.items() if not after & left.keys()}
        if not ends:
            return walk_circle(left)
        left = {file: after for file, after in left.items() if file not in ends}
    return []


def walk_circle(arrows: dict[Path, set[Path]]) -> list[str]:
    path = [next(iter(arrows))]
    while path[-1] not in path[:-1]:
        path.append(min(arrows[path[-1]] & arrows.keys()))
    return [file.relative_to(PACKAGE).as_posix() for file in path[path.index(path[-1]) :]]


def test_every_room_has_its_floor():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == set(FLOOR)


@pytest.mark.parametrize("room", FLOOR)
def test_a_room_imports_from_itself_and_from_floors_below(room):
    allowed = {room, *(other for other in FLOOR if FLOOR[other] > FLOOR[room])}
    for file in FILES:
        if room_of(file) == room:
            above = {room_of(other) for other in imported(file)} - allowed
            assert not above, f"{file.relative_to(PACKAGE)} imports from {above}"


def test_no_files_import_each_other_in_a_circle():
    assert find_circle({file: set(imported(file)) for file in FILES}) == []


def test_a_circle_is_found_and_named():
    one, two, three = (PACKAGE / name for name in ("a.py", "b.py", "c.py"))
    assert find_circle({one: {two}, two: {three}, three: set()}) == []
    assert find_circle({one: {two}, two: {three}, three: {two}}) == ["b.py", "c.py", "b.py"]


def test_an_import_inside_a_function_counts(tmp_path):
    late = tmp_path / "late.py"
    late.write_text("def late():\n    from seelike.system import errors, paths\n    import seelike.results.claims")
    assert {room_of(file) for file in imported(late)} == {"system", "results"}


@pytest.mark.parametrize(
    "code",
    [
        f"from seelike.results.results import Result; Result.load({str(RESULTS / 'pocket' / 'uniformity.json')!r})",
        "from seelike.results.scorecard import gather; gather('results')",
        "from seelike.results import comparison, drift, labelled_array, reuse",
        "import seelike; assert 'cka' in dir(seelike)",
        "from seelike.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["load", "scorecard", "compare", "face", "help"],
)
def test_results_are_read_and_help_is_given_without_torch_and_timm(code):
    told = "import sys; assert not {'torch', 'timm'} & sys.modules.keys()"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{told}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
