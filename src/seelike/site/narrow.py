"""A Sphinx extension: where a screen is narrow, figures are shown in the narrow form that their cells handed out.

`take` lays these beside the staged book, before the build; see `figures.forms`.
"""

import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from seelike.figures import forms
from seelike.site import drawings

FOLDER = "narrow"  # at the root of the site
SCREEN = "screen and (max-width: 640px)"  # in CSS pixels, as in seelike.css
FIGURE = re.compile(r'<figure [^>]*\bid="([^"]+)".*?</figure>', re.S)
IMAGE = re.compile(r"<img [^>]*>")
AFTER_FIGURES = 600  # what site.figures does to a body comes first


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("html-page-context", offer_narrow, priority=AFTER_FIGURES)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def take(notebook: Path, folder: Path) -> None:
    """Take the narrow form of every figure out of an executed notebook, into `<folder>/<label>.svg`."""
    page, found = nbformat.read(notebook, as_version=4), {}
    for cell in page.cells:
        label = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for output in [each for each in cell.get("outputs", []) if forms.MIME in each.get("data", {})]:
            found[label] = "".join(output.data.pop(forms.MIME))
    for label, svg in [each for each in found.items() if each[0]]:
        folder.mkdir(parents=True, exist_ok=True)
        drawing = drawings.in_both_themes(drawings.compact(svg))
        (folder / f"{label}.svg").write_text(drawing, encoding="utf-8")
    if found:
        nbformat.write(page, notebook)


def offer_narrow(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Beside the drawings of a figure that has a narrow form: this, for narrow screens, in the same colours."""
    root, staged = "../" * page.count("/"), Path(app.srcdir, *app.config.html_extra_path, FOLDER)
    if "body" in context:
        context["body"] = FIGURE.sub(lambda found: _offer(found, staged, root), context["body"])


def _offer(figure: re.Match, staged: Path, root: str) -> str:
    narrow = staged / f"{figure[1]}.svg"
    if not narrow.is_file():
        return figure[0]
    width, height = drawings.measure(narrow.read_text(encoding="utf-8"))
    address = f"{root}{FOLDER}/{narrow.name}"

    def offer(image: re.Match) -> str:
        theme = f"#{drawings.DARK}" if "only-dark" in image[0] else ""
        source = f'<source media="{SCREEN}" srcset="{address}{theme}" width="{width}" height="{height}">'
        return f"<picture>{source}{image[0]}</picture>"

    return IMAGE.sub(offer, figure[0])
