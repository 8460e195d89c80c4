"""Which modules of this package some code imports, directly or through one another, read without running any."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from seelike.system.paths import PACKAGE

LIBRARY = PACKAGE / "library"  # what `import seelike` gives when it is asked for, by name alone
ALWAYS = (LIBRARY / "__init__.py", PACKAGE / "models" / "bundled.py")  # with any of it, and beside timm
TELLING = ast.Import, ast.ImportFrom, ast.Attribute, ast.Name
REGISTRY = f"{PACKAGE.name}.chapters.registry"  # imports every chapter that lies beside it


def trace(sources: Iterable[str]) -> set[Path]:
    """The package's files that outputs of these sources can depend on, wherever in them the imports stand.

    The sources are the cells of one notebook: what one imports another may use.
    """
    found: set[Path] = set()
    ahead = set(_imported(*sources))
    while ahead:
        file = ahead.pop()
        found.add(file)
        ahead |= set(_imported(file.read_text(encoding="utf-8"))) - found
    return found


def ask_for(library: str, sources: Iterable[str]) -> bool:
    """Whether these sources, or the package's files that they can depend on, import a library."""
    asking = re.compile(rf"^ *(?:import|from) {library}\b", re.M)
    return any(map(asking.search, (*sources, *(file.read_text(encoding="utf-8") for file in trace(sources)))))


def _imported(*sources: str) -> Iterator[Path]:
    nodes = [node for source in sources for node in _parse(source)]
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            faces = [alias.asname or alias.name for alias in node.names if alias.name == PACKAGE.name]
            asked = {name for face in faces for name in _list_used(nodes, face)}
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            of_face = node.module == PACKAGE.name and any(map(_find_given, (alias.name for alias in node.names)))
            asked = {"*"} if of_face else set()
        else:
            continue
        if asked:
            yield from (*ALWAYS, *(file for name in asked for file in _find_given(name)))
        if REGISTRY in names:
            yield from PACKAGE.glob("chapters/*.py")
        for name in names:
            yield from _files_of(name)


@cache
def _parse(source: str) -> list[ast.AST]:
    """The nodes that can import something, or use what is imported; pages have most of their files in common."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, TELLING)]


def _find_given(name: str) -> list[Path]:
    """The files in which the library makes what the package gives by a name; `*` gives all."""
    return list(LIBRARY.glob(f"{name}.py"))


def _list_used(nodes: list[ast.AST], face: str) -> set[str]:
    """What is asked of the package by name, as `sl.cka`; `*`, all, where it stands alone or nothing is asked of it."""
    asked = [node for node in nodes if isinstance(node, ast.Attribute) and _is_named(node.value, face)]
    alone = sum(_is_named(node, face) for node in nodes) > len(asked)
    return {node.attr for node in asked} if asked and not alone else {"*"}


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


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
