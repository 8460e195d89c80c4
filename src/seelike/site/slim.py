"""A Sphinx extension: leave out of the built site what the theme brings along and no page needs.

The largest is a script with all of Font Awesome's drawings; the theme's stylesheet has the same icons as a font.
"""

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

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
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(SCRIPT.sub("", text), encoding="utf-8")
