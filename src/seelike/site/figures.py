"""A Sphinx extension: every figure gets its drawing for dark pages, and below it links to its numbers."""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from seelike.figures.palette import darken
from seelike.site.furnish import EXTRA

NO_LIST = '<div role="list" class="citation-list">'  # a list whose children are no items, say readers of screens
FEW = 3  # result files that stand in a row; more of them are folded
CSS_PIXELS = 96 / 72  # of a point
BEFORE_IMAGES = 400  # Sphinx collects a page's images at 500


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("doctree-read", add_dark_drawings, priority=BEFORE_IMAGES)
    app.connect("doctree-resolved", add_tools)
    app.connect("html-page-context", finish_body)
    app.add_js_file("heatmaps.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_dark_drawings(app: Sphinx, doctree: nodes.document) -> None:
    """Put beside each SVG of a figure its counterpart for dark pages; the theme shows one of the two."""
    for figure in doctree.findall(nodes.figure):
        for image in [image for image in figure.findall(nodes.image) if image["uri"].endswith(".svg")]:
            light = Path(app.env.relfn2path(image["uri"])[1])
            dark = light.with_name(f"{light.stem}-dark.svg")
            dark.write_text(darken(light.read_text(encoding="utf-8")), encoding="utf-8")
            other = image.deepcopy()
            other["uri"] = f"{image['uri'].removesuffix('.svg')}-dark.svg"
            image["classes"].append("only-light")
            other["classes"].append("only-dark")
            image.parent.insert(image.parent.index(image) + 1, other)


def add_tools(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Below the caption: where the figure's numbers are, and a button if it can be hovered over."""
    root = "../" * page.count("/")
    for figure in doctree.findall(nodes.figure):
        _set_apart(figure)
        label = next((name for name in figure["ids"] if _numbers_of(app, name).is_file()), None)
        if label and app.builder.format == "html":
            hovered = Path(app.srcdir, EXTRA, "heatmaps", f"{label}.js").is_file()
            sources = json.loads(_numbers_of(app, label).read_text(encoding="utf-8"))["sources"]
            figure += nodes.raw("", _tools(label, root, sources, hovered), format="html")


def _set_apart(figure: nodes.figure) -> None:
    """The drawings in a box of their own: the theme hides a caption beside a drawing that it hides."""
    drawings = [child for child in figure if isinstance(child, nodes.image)]
    box = nodes.container("", *(drawing.deepcopy() for drawing in drawings), classes=["drawing"])
    for drawing in drawings:
        figure.remove(drawing)
    figure.insert(0, box)


def finish_body(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Let pictures load when they come into sight, in the room that they will need; let no list be without items."""
    sources = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items() if uri.endswith(".svg")}
    if "body" in context:
        pictures = r'<img (?=[^>]*src="[^"]*?([^/"]+\.svg)")'
        body = re.sub(pictures, lambda found: f"<img {_room(sources.get(found[1]))}", context["body"])
        context["body"] = body.replace(NO_LIST, NO_LIST.replace(' role="list"', ""))


def _room(picture: Path | None) -> str:
    if picture is None:
        return ""
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture.read_text(encoding="utf-8")[:2000]).groups()
    return f'loading="lazy" width="{float(width) * CSS_PIXELS:.0f}" height="{float(height) * CSS_PIXELS:.0f}" '


def _numbers_of(app: Sphinx, label: str) -> Path:
    return Path(app.srcdir, EXTRA, "numbers", f"{label}.json")


def _tools(label: str, root: str, sources: list[str], hovered: bool) -> str:
    numbers = " ".join(
        f'<a href="{root}numbers/{label}.{kind}" download aria-label="Numbers of this figure as {kind.upper()}">'
        f"{kind.upper()}</a>"
        for kind in ("csv", "json")
    )
    links = " ".join(_link(source, root) for source in sources)
    if len(sources) > FEW:
        links = f"<details><summary>{len(sources)} result files</summary>{links}</details>"
    elif sources:
        links = f"<span>Result</span> {links}"
    button = f'<button type="button" data-heatmap="{label}" data-root="{root}">Hover for values</button>'
    return f'<div class="figure-tools"><span>Numbers</span> {numbers} {links} {button if hovered else ""}</div>'


def _link(source: str, root: str) -> str:
    chapter, _, scale = source.partition("/")
    return f'<a href="{root}results/{scale}/{chapter}.json">{html.escape(f"{scale}/{chapter}.json")}</a>'
