"""Every chapter that measures models: its name → its `CHAPTER`, which a file of this folder exports.

They stand in the order of their claims; those without claims come last.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from seelike.chapters.chapter import Chapter
from seelike.results.claims import CLAIMS


def _find_chapters() -> dict[str, Chapter]:
    here = Path(__file__)
    names = [each.name for each in iter_modules([str(here.parent)]) if each.name != here.stem]
    modules = (import_module(f"{__package__}.{name}") for name in names)
    found = {module.CHAPTER.name: module.CHAPTER for module in modules if hasattr(module, "CHAPTER")}
    claimed = [name for name in dict.fromkeys(claim.chapter for claim in CLAIMS.values()) if name in found]
    return {name: found[name] for name in [*claimed, *sorted(found.keys() - claimed)]}


CHAPTERS = _find_chapters()
