"""The book as a PDF: Chromium prints the page of the whole book, which then links to it."""

import re
import shutil
from pathlib import Path

from seelike.site.printed import PAGE, START
from seelike.system.errors import InputError
from seelike.system.files import write_text, written_whole

NAME = "seelike.pdf"  # at the root of the site
LINK = f'<p class="pdf"><a href="../{NAME}">The book as a PDF</a></p>'
BEFORE = re.compile(r'<p class="pdf">.*?</p>')
MARGIN = "16mm"


def write_pdf(site: Path) -> Path:
    """Print the page of the whole book of a built site, and link to the file from there; the file's path.

    Raises InputError where there is no site, or no Chromium that playwright can start.
    """
    page = site / f"{PAGE}.html"
    if not page.is_file():
        raise InputError(f"a PDF is printed from the site, but {site} has no {PAGE}.html: run `make book` first")
    with written_whole(site / NAME) as beside:
        _print(page, beside)
    text = BEFORE.sub("", page.read_text(encoding="utf-8"))
    write_text(page, text.replace(START, f"{LINK}{START}", 1))
    return site / NAME


def _print(page: Path, target: Path) -> None:
    """Headings become the PDF's outline, beside the contents that the page begins with."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise InputError("a PDF is printed by Chromium: pip install playwright") from None
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except Error:
            raise InputError("a PDF needs Chromium: apt-get install chromium, or playwright install chromium") from None
        opened = browser.new_page(color_scheme="light")
        opened.goto(page.resolve().as_uri(), wait_until="load", timeout=0)
        opened.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => 0)))")
        margin = dict.fromkeys(("top", "right", "bottom", "left"), MARGIN)
        opened.pdf(path=target, format="A4", margin=margin, outline=True, tagged=True)
        browser.close()
