"""The files of the built site, looked at without a browser: figures whole, no link dead."""

import posixpath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from site_browser import PAGES

from seelike.results.runs import OWN, read_published
from seelike.system.paths import BOOK, RESULTS


@pytest.mark.parametrize("path", PAGES)
def test_every_figure_has_a_number_a_caption_and_its_numbers_to_download(site, path):
    for figure in BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser").select("article figure"):
        assert figure.select_one(".caption-number").text.startswith("Fig. ")
        caption = figure.select_one("figcaption").text
        assert ("Recompute: " in caption or "Retrain: " in caption) and figure.select_one("figcaption code")
        assert figure["id"] in {link["href"].removeprefix("#") for link in figure.select(".figure-tools a")}
        (link,) = figure.select(".figure-tools a[href$='.csv'][download]")
        assert (site / posixpath.normpath(posixpath.join("book", link["href"]))).stat().st_size > 50


def list_figures_of_runs():
    """(page, label) of the figure that each published run but the book's own has in each chapter."""
    for notebook in sorted(BOOK.glob("*.ipynb")):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if shown := cell.metadata.get("seelike", {}).get("runs"):
                others = [run for run in read_published(notebook.stem, RESULTS) if run != OWN]
                yield from ((notebook.stem, shown["name"].format(run=run)) for run in others)


def test_every_published_run_has_its_figure(site):
    listed = list(list_figures_of_runs())
    assert listed
    for page, label in listed:
        soup = BeautifulSoup((site / "book" / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        figure = soup.find(id=label)
        assert figure is not None and figure.select("img, svg, object"), label


def test_no_link_inside_the_site_is_dead(site):
    pages = {}
    for path in [*PAGES, "index.html", "search.html", "genindex.html"]:
        soup = BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")
        links = {tag.get("href") or tag.get("src") for tag in soup.select("[href], [src]")}
        pages[path] = links, {tag["id"] for tag in soup.select("[id]")} | {""}
    for path, (links, _) in pages.items():
        for link in links:
            target, fragment = urldefrag(urljoin(f"http://site/{path}", link))
            if target.startswith("http://site/"):
                place = unquote(urlsplit(target).path).lstrip("/")
                assert (site / place).is_file(), f"{path} links to {link}"
                assert unquote(fragment) in pages.get(place, ((), {fragment}))[1], f"{path} links to {link}"
