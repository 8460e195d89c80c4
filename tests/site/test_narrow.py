"""Figures on narrow screens: taken from notebooks, offered by the pages, legible without a scroll bar."""

import re
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from site_browser import PAGES

from seelike.figures.forms import MIME
from seelike.site import drawings, narrow
from seelike.system.paths import BOOK

SVG = '<svg width="266.4pt" height="180pt" viewBox="0 0 266.4 180"><defs></defs><path style="fill: #0072b2"/></svg>'
IMAGES = '<img class="only-light" src="{0}.svg"><img class="only-dark" src="{0}.svg#dark">'
FIGURE = f'<figure class="a" id="fig-{{0}}">{IMAGES}</figure>'
LEAST = {390: 8, 1440: 10}  # of letters, in pixels, by the width of the screen
PLACES = re.compile(  # of panels, which stand elsewhere on a phone
    r"\((left|right|top|bottom)\)|\b(Left|Middle|Right|Above|Below|Top|Bottom)[:,]"
    r"|\b(left|middle|right|top|bottom|upper|lower|first|last|second) (panel|map|heatmap|figure)s?\b"
    r"|\bat the (left|right|top|bottom)\b|\b(left|right) (trained|with)\b"
)
SIZES = """async () => {
    const shown = [...document.querySelectorAll("article figure img")].filter(i => i.checkVisibility());
    const found = [];
    for (const image of shown) {
        image.loading = "eager";
        await image.decode();
        const text = await (await fetch(image.currentSrc)).text();
        const points = +text.match(/viewBox="0 0 ([\\d.]+)/)[1];
        const scales = [...text.matchAll(/scale\\(([\\d.]+) -[\\d.]+\\)/g)].map(each => +each[1]);
        const box = image.closest(".drawing") ?? image.parentElement;
        found.push({
            figure: image.closest("figure").id, narrow: image.currentSrc.includes("/narrow/"),
            letters: 100 * Math.min(...scales) * image.clientWidth / points,
            overflow: box.scrollWidth - box.clientWidth,
        });
    }
    return found;
}"""


@pytest.mark.parametrize("path", [*BOOK.glob("*.ipynb"), *BOOK.glob("runs/*.yaml")], ids=lambda path: path.name)
def test_no_page_says_where_a_panel_lies(path):
    """They are named, as on a phone they stand below one another."""
    if path.suffix == ".yaml":
        texts = [path.read_text()]
    else:
        cells = nbformat.read(path, as_version=4).cells
        about = [cell.metadata.get("mystnb", {}) for cell in cells]
        texts = [each.get("figure", {}).get("caption", "") for each in about]
        texts += [each.get("image", {}).get("alt", "") for each in about]
        shared = [cell.metadata.get("seelike", {}).get("runs", {}) for cell in cells]
        texts += [each.get(kind, "") for each in shared for kind in ("caption", "alt")]
        texts += [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert [found[0] for text in texts for found in PLACES.finditer(text)] == []


@pytest.mark.parametrize(
    "text", ["trained (left)", "grey. Right: the same", "in the left panel", "from the first at the top"]
)
def test_the_place_of_a_panel_would_be_found(text):
    assert PLACES.search(text)


@pytest.fixture
def staged(tmp_path):
    """The source of a page with one figure that has a narrow form and one that has none."""
    outputs = [new_output("display_data", {"image/svg+xml": "<svg/>", MIME: SVG}), new_output("stream", text="said")]
    metadata = [{"mystnb": {"figure": {"name": f"fig-{name}"}}} for name in "ab"]
    cells = [new_code_cell("1", outputs=outputs, metadata=metadata[0]), new_code_cell("2", metadata=metadata[1])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    narrow.take(tmp_path / "page.ipynb", tmp_path / "extra" / narrow.FOLDER)
    return tmp_path


def test_narrow_forms_are_taken_out_of_a_notebook(staged):
    (made,) = (staged / "extra" / narrow.FOLDER).iterdir()
    assert made.name == "fig-a.svg" and drawings.is_finished(made.read_text())
    first, second = nbformat.read(staged / "page.ipynb", as_version=4).cells
    assert first.outputs[0].data == {"image/svg+xml": "<svg/>"} and first.outputs[1].text == "said"
    assert second.outputs == []


def test_a_narrow_screen_is_offered_what_there_is_in_both_themes(staged):
    app = SimpleNamespace(srcdir=str(staged), config=SimpleNamespace(html_extra_path=["extra"]))
    context = {"body": f"<p>{FIGURE.format('a')}{FIGURE.format('b')}</p>"}
    narrow.offer_narrow(app, "book/page", "page.html", context, None)
    body = context["body"]
    assert body.count("<picture>") == 2 and FIGURE.format("b") in body
    for theme, end in (("light", ""), ("dark", "#dark")):
        source = f'srcset="../narrow/fig-a.svg{end}" width="355" height="240"><img class="only-{theme}"'
        assert source in body
    narrow.offer_narrow(app, "page", "page.html", empty := {}, None)
    assert empty == {}


@pytest.mark.browser
@pytest.mark.parametrize("width", LEAST)
@pytest.mark.parametrize("path", PAGES)
def test_letters_are_legible_and_nothing_scrolls(open_page, path, width):
    page, _ = open_page(path, width)
    for found in page.evaluate(SIZES):
        assert found["letters"] >= LEAST[width] and found["overflow"] <= 0, found
        assert width < 640 or not found["narrow"], found


@pytest.mark.browser
def test_a_wide_figure_has_a_narrow_form_and_a_small_one_is_shrunk(open_page):
    page, _ = open_page("book/intriguing_properties.html", 390)
    assert {found["narrow"] for found in page.evaluate(SIZES)} == {True, False}


@pytest.mark.browser
def test_diagrams_are_shown_in_the_colours_of_their_page(open_page):
    for theme in ("light", "dark"):
        page, _ = open_page("book/glossary.html", theme=theme)
        shown = page.locator("article img:visible")
        assert shown.count() == 4 and all(f"only-{theme}" in each.get_attribute("class") for each in shown.all())


@pytest.mark.browser
def test_numbers_of_questions_for_a_class_fit_a_phone(open_page):
    page, _ = open_page("book/teach.html", 390)
    tables = page.locator("article table")
    assert tables.count() > 30
    assert tables.evaluate_all("all => all.filter(t => t.scrollWidth > t.parentElement.clientWidth).length") == 0
