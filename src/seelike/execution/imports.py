"""Which modules of this package some code imports, directly or through one another, read without running any."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from seelike.system.paths import PACKAGE

LATER = ("library/*.py", "models/bundled.py")  # what `import seelike` gives when it is asked for, by name alone
REGISTRY = f"{PACKAGE.name}.chapters.registry"  # imports every chapter that lies beside it


def trace(sources: Iterable[str]) -> set[Path]:
    """The package's files that outputs of these sources can depend on, wherever in them the imports stand."""
    found: set[Path] = set()
    ahead = {file for source in sources for file in _imported(source)}
    while ahead:
        file = ahead.pop()
        found.add(file)
        ahead |= set(_imported(file.read_text(encoding="utf-8"))) - found
    return found


def _imported(source: str) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            of_face = PACKAGE.name in names
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            of_face = node.module == PACKAGE.name and any(_is_of_face(alias.name) for alias in node.names)
        else:
            continue
        if of_face:
            yield from (file for pattern in LATER for file in PACKAGE.glob(pattern))
        if REGISTRY in names:
            yield from PACKAGE.glob("chapters/*.py")
        for name in names:
            yield from _files_of(name)


def _is_of_face(name: str) -> bool:
    """Whether `from seelike import` it gives what is made in a file of that name in the library; `*` gives all."""
    return name == "*" or (PACKAGE / "library" / f"{name}.py").is_file()


def _files_of(name: str) -> Iterator[Path]:
    """`seelike.site.numbers`: the package's own file, each folder's on the way, and the module's."""
    top, *parts = name.split(".")
    if top != PACKAGE.name:
        return
    yield PACKAGE / "__init__.py"
    for depth in range(1, len(parts) + 1):
        place = PACKAGE.joinpath(*parts[:depth])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                yield file
