"""A Sphinx extension: leave out of the built site what no page needs.

Of what the theme brings along the largest is a script with all of Font Awesome's drawings; the theme's stylesheet has
the same icons as a font. Pictures that other sites show for a page need no more than 256 colours. The notebooks that
pages offer for download are those of the repository, which run from top to bottom and have no outputs, not those of the
pages.
"""

import re
import shutil
from pathlib import Path

from PIL import Image
from sphinx.application import Sphinx

from seelike.site import pdf

NOTEBOOKS = "notebooks"  # the folder, in the staged book, of the notebooks as they are
CARDS = "social_previews"  # the folder, among the images, of the pictures that other sites show for a page
UNUSED = ("*.map", "*.ttf", "fontawesome.js*", "locales")
SCRIPT = re.compile(r'\s*<script defer src="[^"]*/fontawesome\.js[^"]*"></script>')


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", slim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def slim(app: Sphinx, error: Exception | None) -> None:
    """Remove the theme's files that are not needed, and what asks for them."""
    if error or app.builder.format != "html":
        return
    for pattern in UNUSED:
        for path in Path(app.outdir, "_static").rglob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    Path(app.outdir, pdf.NAME).unlink(missing_ok=True)  # of an earlier build
    wanted = {name for _, name in app.env.images.values()}
    for path in Path(app.outdir, app.builder.imagedir).glob("*.*"):
        if path.name not in wanted:  # of an earlier build
            path.unlink()
    for card in Path(app.outdir, app.builder.imagedir, CARDS).glob("*.png"):
        take_colours(card)
    for path in Path(app.outdir, "_sources").rglob("*.ipynb"):
        shutil.copy(Path(app.srcdir, NOTEBOOKS, path.name), path)
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(SCRIPT.sub("", text), encoding="utf-8")


def take_colours(picture: Path) -> None:
    """Write a PNG anew, with the 256 colours that come closest."""
    with Image.open(picture) as found:
        few = found.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(picture, optimize=True)
