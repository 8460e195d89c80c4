"""Which class a picture is of, by the folder that it lies in."""

from timm.utils.misc import natural_key


def name_classes(folders: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The class of a picture in each of these folders, and two folders that leave it unclear, if there are such.

    A class is called as the last folder. Where all folders end alike, as in `cat/images` and `dog/images`, it is the
    one above. Where only some do, as in `cat/black`, `dog/black` and `dog/white`, nobody can tell the class.
    """
    named = {folder: folder.rstrip("/") for folder in folders}
    while len(set(named.values())) > 1 and len({_last(path) for path in named.values()}) == 1:
        named = {folder: path.rpartition("/")[0] for folder, path in named.items()}
    first: dict[str, str] = {}
    unclear = (
        (first[_last(path)], folder)
        for folder, path in named.items()
        if first.setdefault(_last(path), folder) != folder
    )
    return [_last(named[folder]) for folder in folders], next(unclear, ())


def number_classes(names: list[str]) -> dict[str, int]:
    """Class → its number, in the order of timm's readers: by name, digits by their value, then `A` before `a`."""
    return {name: number for number, name in enumerate(sorted(set(names), key=lambda name: (natural_key(name), name)))}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
