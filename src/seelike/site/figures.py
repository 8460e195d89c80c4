"""A Sphinx extension: drawings are small and have dark colours, and below each figure are links to its numbers."""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from seelike.site import drawings
from seelike.site.places import EXTRA, SOURCES

NO_LIST = '<div role="list" class="citation-list">'  # a list whose children are no items, say readers of screens
LIGHT = re.compile(r"<img [^>]*\bonly-light\b[^>]*>")
DIAGRAMS = "concepts/"  # the folder of those that `figures.concepts` draws
FEW = 3  # result files that stand in a row; more of them are folded
BEFORE_IMAGES = 400  # Sphinx collects a page's images at 500


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-read", finish_drawings, priority=BEFORE_IMAGES)
    app.connect("doctree-resolved", add_tools)
    app.connect("html-page-context", finish_body)
    app.add_js_file("heatmaps.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def finish_drawings(app: Sphinx, doctree: nodes.document) -> None:
    """Make each SVG of a figure small, and let it take the colours of dark pages; likewise each diagram."""
    shown = [image for figure in doctree.findall(nodes.figure) for image in figure.findall(nodes.image)]
    for image in shown + [image for image in doctree.findall(nodes.image) if DIAGRAMS in image["uri"]]:
        if image["uri"].endswith(".svg"):
            drawing = Path(app.env.relfn2path(image["uri"])[1])
            svg = drawing.read_text(encoding="utf-8")
            if not drawings.is_finished(svg):
                drawing.write_text(drawings.in_both_themes(drawings.compact(svg)), encoding="utf-8")
            image["classes"].append("only-light")


def add_tools(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Below the caption: where the figure's numbers are, and a button if it can be hovered over."""
    root, known = "../" * page.count("/"), read_sources(Path(app.srcdir))
    for figure in doctree.findall(nodes.figure):
        _set_apart(figure)
        label = next((name for name in figure["ids"] if name in known), None)
        if label and app.builder.format == "html":
            hovered = Path(app.srcdir, EXTRA, "heatmaps", f"{label}.js").is_file()
            figure += nodes.raw("", _tools(label, root, known[label], hovered), format="html")


def read_sources(staged: Path) -> dict[str, list[str]]:
    """Label of a figure with numbers → the result files that they are from, as `furnish` noted it."""
    file = staged / SOURCES
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _set_apart(figure: nodes.figure) -> None:
    """The drawings in a box of their own: the theme hides a caption beside a drawing that it hides."""
    drawings = [child for child in figure if isinstance(child, nodes.image)]
    box = nodes.container("", *(drawing.deepcopy() for drawing in drawings), classes=["drawing"])
    for drawing in drawings:
        figure.remove(drawing)
    figure.insert(0, box)


def finish_body(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Show drawings in the theme's colours, let pictures load when they come into sight, in the room that they will
    need; let no list be without items."""
    sources = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items() if uri.endswith(".svg")}
    if "body" in context:
        pictures = r'<img (?=[^>]*src="[^"]*?([^/"]+\.svg)")'
        body = re.sub(pictures, lambda found: f"<img {_room(sources.get(found[1]))}", context["body"])
        body = LIGHT.sub(lambda found: f"{found[0]}\n{_darken(found[0])}", body)
        context["body"] = body.replace(NO_LIST, NO_LIST.replace(' role="list"', ""))


def _darken(image: str) -> str:
    """The tag that shows the same drawing on dark pages."""
    return image.replace("only-light", "only-dark").replace('.svg"', f'.svg#{drawings.DARK}"')


def _room(picture: Path | None) -> str:
    if picture is None:
        return ""
    width, height = drawings.measure(picture.read_text(encoding="utf-8"))
    return f'loading="lazy" width="{width}" height="{height}" '


def _tools(label: str, root: str, sources: list[str], hovered: bool) -> str:
    numbers = f'<a href="{root}numbers/{label}.csv" download aria-label="Numbers of this figure as CSV">CSV</a>'
    links = " ".join(_link(source, root) for source in sources)
    if len(sources) > FEW:
        links = f"<details><summary>{len(sources)} result files</summary>{links}</details>"
    elif sources:
        links = f"<span>Result</span> {links}"
    button = f'<button type="button" data-heatmap="{label}" data-root="{root}">Hover for values</button>'
    own = f'<a href="#{label}" aria-label="Address of this figure">Address</a>'
    return f'<div class="figure-tools"><span>Numbers</span> {numbers} {links} {own} {button if hovered else ""}</div>'


def _link(source: str, root: str) -> str:
    chapter, _, scale = source.partition("/")
    return f'<a href="{root}results/{scale}/{chapter}.json">{html.escape(f"{scale}/{chapter}.json")}</a>'
