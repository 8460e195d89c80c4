"""Which class a picture is of, by the folder that it lies in."""

from timm.utils.misc import natural_key


def name_classes(folders: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The class of a picture in each of these folders, and two folders that leave it unclear, if there are such.

    A class is called as the last folder. Where all folders end alike, as in `cat/images` and `dog/images`, it is the
    one above. Where only some do, as in `cat/black`, `dog/black` and `dog/white`, nobody can tell the class, nor where
    some hold several others, as in `cat/video1`, `cat/video2` and `dog/video3`.
    """
    named = {folder: folder.rstrip("/") for folder in folders}
    while len(set(named.values())) > 1 and len({_last(path) for path in named.values()}) == 1:
        named = {folder: path.rpartition("/")[0] for folder, path in named.items()}
    return [_last(named[folder]) for folder in folders], _find_unclear(named)


def number_classes(names: list[str]) -> dict[str, int]:
    """Class → its number, in the order of timm's readers: by name, digits by their value, then `A` before `a`."""
    return {name: number for number, name in enumerate(sorted(set(names), key=lambda name: (natural_key(name), name)))}


def _find_unclear(named: dict[str, str]) -> tuple[str, ...]:
    """Two folders of which nobody can tell whether they are one class, by their paths {folder: path}; or ()."""
    while len(set(named.values())) > 1 and len({_split(path)[0] for path in named.values()}) == 1:
        named = {folder: _split(path)[1] for folder, path in named.items()}
    parts: dict[str, dict[str, str]] = {}  # the first folder of a path: {the rest of it: the whole folder}
    for folder, path in named.items():
        first, rest = _split(path)
        parts.setdefault(first, {})[rest] = folder
    alike: dict[str, list[str]] = {}
    for folder, path in named.items():
        alike.setdefault(_last(path), []).append(folder)
    groups = [*alike.values(), *(list(inner.values()) for inner in parts.values())]
    return next((tuple(group[:2]) for group in groups if len(group) > 1), ())


def _split(path: str) -> tuple[str, str]:
    """The first folder of a path, and the rest."""
    first, _, rest = path.partition("/")
    return first, rest


def _last(path: str) -> str:
    return path.rpartition("/")[2]
