"""A Sphinx extension: fill one page with all others, for paper, once they are built; its links lead to places on it."""

import html
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAGE = "book/print"
LEFT_OUT = "script, button, a.headerlink, .heatmaps, .prev-next-footer"
NAMING = ("for", "headers", "aria-labelledby", "aria-controls", "aria-describedby")  # attributes that hold ids

START, END = "<!-- parts -->", "<!-- end of parts -->"
BEFORE = re.compile(f"{START}.*{END}", re.S)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", print_book, priority=900)  # what others do to built pages is done
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def print_book(app: Sphinx, error: Exception | None) -> None:
    """Put the articles of all pages, in the order of the contents, into that of `PAGE`."""
    if error or app.builder.format != "html" or PAGE not in app.env.found_docs:
        return
    pages = [page for page in order(app.env, app.config.root_doc) if page != PAGE]
    file = Path(app.outdir, f"{PAGE}.html")
    parts = [bind(_read(Path(app.outdir, f"{page}.html")).article, page, pages) for page in pages]
    whole = BEFORE.sub("", file.read_text(encoding="utf-8"))  # of a build before this one, whose page Sphinx has kept
    filled = "".join([START, list_parts(parts), *map(str, parts), END])
    file.write_text(whole.replace("</article>", f"{filled}</article>", 1), encoding="utf-8")


def order(env: BuildEnvironment, page: str) -> Iterator[str]:
    """A page and all below it, as in the contents."""
    yield page
    for below in env.toctree_includes.get(page, []):
        yield from order(env, below)


def bind(article: Tag, page: str, pages: list[str]) -> Tag:
    """A page's article as a part of the whole: ids of its own, links inside the whole, headings one lower."""
    for tag in article.select(LEFT_OUT):
        tag.decompose()
    for tag in article.find_all(True):
        for name in ("id", *NAMING):
            if tag.get(name):
                tag[name] = " ".join(f"{_id(page)}--{each}" for each in str(tag[name]).split())
        if tag.name == "a" and tag.get("href"):
            tag["href"] = find_target(tag["href"], page, pages)
        if tag.name in ("h1", "h2", "h3", "h4", "h5"):
            tag.name = f"h{int(tag.name[1]) + 1}"
        if tag.get("loading"):
            del tag["loading"]  # a browser may print before it has loaded what lies below
    article.name, article["class"], article["id"] = "div", "printed", _id(page)
    for attribute in set(article.attrs) - {"class", "id"}:
        del article[attribute]
    return article


def list_parts(parts: list[Tag]) -> str:
    """Links to all parts, by their titles."""
    links = (f'<li><a href="#{part["id"]}">{html.escape(part.h2.get_text().strip())}</a></li>' for part in parts)
    return f'<ul class="printed">{"".join(links)}</ul>'


def find_target(link: str, page: str, pages: list[str]) -> str:
    """Where a link of a page leads to in the whole; one to elsewhere stays as it is."""
    path, _, fragment = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)).removesuffix(".html") if path else page
    if target not in pages or (path and not path.endswith(".html")):
        return link
    return f"#{_id(target)}--{fragment}" if fragment else f"#{_id(target)}"


def _read(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def _id(page: str) -> str:
    return page.rpartition("/")[2]
