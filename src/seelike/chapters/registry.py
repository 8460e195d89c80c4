"""Every chapter that measures models: its name → its `CHAPTER`, which a file of this folder exports.

They stand in the order of their claims; those without claims come last.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from seelike.chapters.chapter import Chapter
from seelike.results.claims import CLAIMS


def _find_chapters() -> dict[str, Chapter]:
    package = __package__
    names = [each.name for each in iter_modules([str(Path(__file__).parent)]) if f"{package}.{each.name}" != __name__]
    modules = (import_module(f"{package}.{name}") for name in names)
    found = {module.CHAPTER.name: module.CHAPTER for module in modules if hasattr(module, "CHAPTER")}
    order = dict.fromkeys([claim.chapter for claim in CLAIMS.values()])
    return {name: found[name] for name in [*(name for name in order if name in found), *sorted(found.keys() - order)]}


CHAPTERS = _find_chapters()
