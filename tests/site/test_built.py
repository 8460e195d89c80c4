"""The files of the built site, looked at without a browser: figures whole, no link dead."""

import posixpath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from site_browser import PAGES


@pytest.mark.parametrize("path", PAGES)
def test_every_figure_has_a_number_a_caption_and_its_numbers_to_download(site, path):
    for figure in BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser").select("article figure"):
        assert figure.select_one(".caption-number").text.startswith("Fig. ")
        caption = figure.select_one("figcaption").text
        assert ("Recompute: " in caption or "Retrain: " in caption) and figure.select_one("figcaption code")
        for kind in ("csv", "json"):
            (link,) = figure.select(f".figure-tools a[href$='.{kind}'][download]")
            assert (site / posixpath.normpath(posixpath.join("book", link["href"]))).stat().st_size > 50


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
