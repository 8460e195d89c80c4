"""The built pages, opened as readers do: in a browser, wide and narrow, light and dark."""

import functools
import http.server
import re
import shutil
import threading
from urllib.parse import urldefrag, urlsplit

import pytest

from seelike.claims import CLAIMS
from seelike.places import REPOSITORY

SITE = REPOSITORY / "_build" / "html"
PAGES = [f"{page}.html" for page in re.findall(r"(?:root|file): (\S+)", (REPOSITORY / "_toc.yml").read_text())]


@pytest.fixture(scope="module")
def address():
    """The site on 127.0.0.1, as `make serve` shows it."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built: run `make book` first")
    handler = functools.partial(_Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        system = shutil.which("chromium")
        try:
            quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
            opened = driver.chromium.launch(executable_path=system, args=quiet)
        except playwright.Error:
            pytest.skip("needs Chromium: apt-get install chromium, or playwright install chromium")
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, address):
    """Open a page; gives it with all that went wrong while it loaded."""
    contexts = []

    def go(path: str, width: int = 1280, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, faults = context.new_page(), []
        context.route("**/*", lambda route: _stay_here(route, address))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: answer.status >= 400 and faults.append(answer.url))
        page.goto(f"{address}/{path}", wait_until="load")
        return page, faults

    yield go
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_whole(open_page, path):
    page, faults = open_page(path)
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
    assert not broken and not faults
    assert page.locator("article h1").count() == 1
    assert not page.evaluate("[...document.images].filter(i => !i.alt).map(i => i.src)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_overflows_a_narrow_screen(open_page, path, scheme):
    page, _ = open_page(path, width=390, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_no_link_inside_the_site_is_dead(open_page, address):
    for path in PAGES:
        page, _ = open_page(path)
        links = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
        for link in {link for link in links if link.startswith(address)}:
            target, fragment = urldefrag(link)
            file = SITE / urlsplit(target).path.lstrip("/")
            file = file / "index.html" if file.is_dir() else file
            assert file.is_file(), f"{path} links to {link}"
            if fragment and file.suffix == ".html":
                assert f'id="{fragment}"' in file.read_text(encoding="utf-8"), f"{path} links to {link}"


@pytest.mark.parametrize(
    ("chapter", "figures", "claims"),
    [
        ("uniformity", 5, 5),
        ("attention_distance", 6, 5),
        ("skip_connections", 6, 5),
        ("localization", 8, 6),
        ("data_scale", 6, 6),
        ("mixer", 4, 2),
        ("methods", 3, 0),
    ],
)
def test_numbers_are_glued_and_no_progress_is_stored(open_page, chapter, figures, claims):
    page, _ = open_page(f"book/{chapter}.html")
    text = page.inner_text("article")
    assert "{glue" not in text and "it/s" not in text and "Traceback" not in text
    assert page.locator("article figure img").count() == figures
    assert page.locator("article section:not(#provenance) > :not(details) table tbody tr").count() == claims


def test_the_scorecard_has_a_row_for_every_claim_and_links_each_to_its_figure(open_page):
    page, _ = open_page("book/scorecard.html")
    rows = page.locator("article table").first.locator("tbody tr")
    assert rows.count() == len(CLAIMS)
    assert page.locator("article table").first.locator("tbody a[href*='effects']").count() == len(CLAIMS)


def test_the_front_page_leads_to_the_book(open_page):
    page, _ = open_page("index.html")
    page.wait_for_url("**/book/intro.html")
    assert page.locator("article table").count() == 2
    assert page.locator("article figure img").count() == 2


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


def _stay_here(route, address: str) -> None:
    """The pages must be readable offline: whatever they ask of other hosts is refused."""
    route.continue_() if route.request.url.startswith((address, "data:")) else route.abort()
