"""Fixtures for tests of the built site: served on 127.0.0.1, opened in Chromium, all that goes wrong noted.

Where there is no built site or no Chromium the tests skip, but not in CI, which has to provide both.
"""

import functools
import http.server
import os
import re
import shutil
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from seelike.system.paths import REPOSITORY

SITE = REPOSITORY / "_build" / "html"
PAGES = [f"{page}.html" for page in re.findall(r"(?:root|file): (\S+)", (REPOSITORY / "_toc.yml").read_text())]
THEMES = ("light", "dark")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE = 300_000  # ms, to load or find something on a busy machine: the whole book on one page has 200 pictures


def miss(what: str) -> NoReturn:
    """Skip for want of something; in CI, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").is_file():
        miss("the site is not built: run `make book` first")
    return SITE


@pytest.fixture(scope="module")
def address(site):
    """The site on 127.0.0.1, as `make serve` shows it."""
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")  # no longer: while it is open, no notebook can be executed in this process
def browser():
    if not find_spec("playwright"):
        miss("needs playwright: pip install playwright")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as driver:
        try:
            opened = driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        except Error:
            miss("needs Chromium: apt-get install chromium, or playwright install chromium")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def contexts(browser):
    """One for each theme and choice of options, so that what pages share is fetched once."""
    known = {}

    def find(**options):
        key = tuple(sorted(options.items()))
        if key not in known:
            known[key] = browser.new_context(**options)
            known[key].set_default_timeout(PATIENCE)
        return known[key]

    yield find
    for context in known.values():
        context.close()


@pytest.fixture
def open_page(contexts, address):
    """Open a page; gives it with all that went wrong: errors, what could not be loaded, requests to other hosts."""
    pages = []

    def go(path: str, width: int = 1280, theme: str = "light", **options):
        page, faults = contexts(color_scheme=theme, **options).new_page(), []
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.route("**/*", lambda route: _stay_here(route, address, faults))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.on("response", lambda answer: answer.status >= 400 and faults.append(answer.url))
        page.goto(f"{address}/{path}", wait_until="load")
        return page, faults

    yield go
    for page in pages:
        page.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


def _stay_here(route, address: str, faults: list[str]) -> None:
    """The pages must be readable offline: whatever they ask of other hosts is refused, and a fault."""
    if route.request.url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        faults.append(route.request.url)
        route.abort()
