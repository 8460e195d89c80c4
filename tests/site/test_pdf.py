"""The book as a PDF: printed from the page of the whole book, with an outline, and linked from there."""

import subprocess
import sys

import pytest
from site_browser import miss

from seelike.site import pdf
from seelike.system.errors import InputError


def write_page(site, title: str = "Mixer"):
    (site / "book").mkdir(exist_ok=True)
    page = site / "book" / "print.html"
    page.write_text(f"<article><h1>All</h1><!-- parts --><h2>{title}</h2><p>text</p></article>", encoding="utf-8")
    return page


@pytest.mark.browser
def test_the_page_is_printed_with_its_headings_as_outline_and_links_to_it_once(tmp_path):
    page = write_page(tmp_path)
    for _ in range(2):
        done = subprocess.run([sys.executable, "-m", "seelike", "pdf", tmp_path], capture_output=True, text=True)
        if done.returncode == 2:
            miss(done.stderr)
        assert done.stdout == f"{tmp_path / pdf.NAME}\n", done.stderr
    content = (tmp_path / pdf.NAME).read_bytes()
    assert content.startswith(b"%PDF") and b"/Outlines" in content
    text = page.read_text(encoding="utf-8")
    assert text.count(pdf.LINK) == 1 and text.index(pdf.LINK) < text.index(pdf.START)


def test_without_a_site_it_is_refused(tmp_path):
    with pytest.raises(InputError, match="make book"):
        pdf.write_pdf(tmp_path)
    assert not list(tmp_path.iterdir())
