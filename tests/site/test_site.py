"""The built pages, opened as readers do: in a browser, narrow and wide, light and dark."""

import pytest
from site_browser import PAGES, THEMES

from seelike.results.claims import AROUND, OF_PAPER
from seelike.results.runs import OWN, read_published
from seelike.site import pdf
from seelike.system.paths import RESULTS

WIDTHS = (390, 820, 1600)
MB = 1_000_000

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", PAGES)
def test_pages_load_whole_and_fit_every_screen(open_page, path, theme):
    page, faults = open_page(path, WIDTHS[-1], theme)
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    shown = "[...document.images].filter(i => i.checkVisibility())"
    page.wait_for_function(f"{shown}.every(i => i.complete)")
    assert page.evaluate(f"{shown}.filter(i => !i.naturalWidth).map(i => i.src)") == []
    assert page.evaluate("[...document.images].filter(i => !i.alt).map(i => i.src)") == []
    assert page.locator("h1:visible").count() == 1
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    for figure in page.locator("article figure").all():
        assert figure.locator("img:visible").count() == 1
        assert f"only-{theme}" in figure.locator("img:visible").get_attribute("class")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"document.documentElement.scrollWidth <= {width}")
    assert faults == []


@pytest.mark.parametrize(
    ("chapter", "figures", "claims"),
    [
        ("uniformity", 5, 6),
        ("attention_distance", 5, 5),
        ("skip_connections", 5, 6),
        ("localization", 7, 9),
        ("data_scale", 5, 6),
        ("mixer", 4, 2),
        ("convolution", 6, 5),
        ("spatial_structure", 7, 6),
        ("intriguing_properties", 6, 6),
        ("visual_exploration", 9, 6),
        ("dense_prediction", 6, 6),
        ("contrastive_clustering", 5, 5),
        ("duoformer", 5, 5),
        ("hybrids", 3, 0),
        ("methods", 6, 0),
    ],
)
def test_numbers_are_glued_and_no_progress_is_stored(open_page, chapter, figures, claims):
    page, _ = open_page(f"book/{chapter}.html")
    text = page.inner_text("article")
    assert "{glue" not in text and "it/s" not in text and "Traceback" not in text
    assert page.locator("article figure").count() == figures + count_others(chapter)
    assert page.locator("article table", has_text="Claim of the paper").locator("tbody tr").count() == claims


def count_others(chapter: str) -> int:
    """The published runs, but for the book's own, of which a chapter shows a section with a figure each."""
    return len(read_published(chapter, RESULTS).keys() - {OWN}) if chapter not in ("hybrids", "methods") else 0


def test_the_scorecard_has_a_row_for_every_claim_and_links_each_to_its_figure(open_page):
    page, _ = open_page("book/scorecard.html")
    tables = page.locator("article table", has_text="What is measured, and how much deserves the sentence")
    for table, claims in zip(tables.all(), (OF_PAPER, AROUND), strict=True):
        assert table.locator("tbody tr").count() == len(claims)
        assert table.locator("tbody a[href*='effects']").count() == len(claims)


def test_the_front_page_leads_to_the_book_and_gives_the_answer_first(open_page):
    page, _ = open_page("index.html")
    page.wait_for_url("**/book/intro.html")
    assert page.locator("article table").count() == 4
    assert page.locator("article figure").count() == 2
    assert "{" not in page.locator(".at-a-glance").inner_text()


def test_chapters_are_numbered_in_the_sidebar(open_page):
    page, _ = open_page("book/intro.html", width=1600)
    names = [name.strip() for name in page.locator("nav.bd-links li > a").all_inner_texts()]
    numbers = [name.split(".")[0] for name in names]
    assert numbers == [str(number) for number in range(1, len(PAGES))]


def test_the_search_finds_a_chapter_by_a_word_of_it(open_page):
    page, faults = open_page("search.html?q=uniformity")
    page.wait_for_selector("#search-results li a")
    assert any("uniformity.html" in link.get_attribute("href") for link in page.locator("#search-results li a").all())
    assert faults == []


def test_pages_can_be_read_without_scripts(open_page):
    page, _ = open_page("book/uniformity.html", java_script_enabled=False)
    figures = page.locator("article figure")
    assert figures.count() == 5 + count_others("uniformity")
    assert all(figure.locator("img:visible").count() == 1 for figure in figures.all())


def test_the_site_is_small_and_its_front_page_too(site, browser, address):
    files = [
        path for path in site.rglob("*") if path.is_file() and path.name != pdf.NAME
    ]  # that none of its pages loads
    assert sum(path.stat().st_size for path in files) < 40 * MB
    sizes = []
    page = browser.new_page()
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(f"{address}/book/intro.html", wait_until="networkidle")
    page.close()
    assert len(sizes) > 10
    assert sum(sizes) < 1.5 * MB


def test_a_drawing_is_one_file_in_both_themes(open_page):
    page, faults = open_page("book/intro.html", theme="dark")
    light, dark = page.locator("article figure").first.locator("img").all()
    address = light.get_attribute("src")
    assert dark.get_attribute("src") == f"{address}#dark"
    corner = """async (image) => {
        await image.decode();
        const brush = new OffscreenCanvas(4, 4).getContext("2d");
        brush.drawImage(image, 0, 0);
        return [...brush.getImageData(1, 1, 1, 1).data];
    }"""
    dark.scroll_into_view_if_needed()
    assert dark.evaluate(corner) == [0x12, 0x12, 0x12, 255]
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert light.evaluate(corner) == [255, 255, 255, 255]
    assert faults == []
