"""What a reader sees before scrolling, and code on a phone: in a browser."""

import re

import pytest

from seelike.chapters.registry import CHAPTERS
from seelike.results.claims import CLAIMS
from seelike.results.verdict_words import PLURALS, VERBS

JUDGING = list(dict.fromkeys(claim.chapter for claim in CLAIMS.values()))
SCREEN = {"width": 1440, "height": 900}
VERDICT = re.compile("|".join({*VERBS.values(), *PLURALS.values()}))
END = "element => element.getBoundingClientRect().bottom"
CUT = """elements => elements.filter(e => {
  const page = document.documentElement.clientWidth, box = e.getBoundingClientRect();
  return e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX == 'hidden' || box.right > page + 1;
}).map(e => e.textContent.slice(0, 60))"""

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_first_screen_has_question_answer_and_a_figure_with_its_caption(open_page, chapter):
    page, _ = open_page(f"book/{chapter}.html", SCREEN["width"])
    question = page.locator("article p", has_text="The question.").first
    answer = page.locator("article p", has_text="The answer.").first
    figure = page.locator("article figure").first
    caption = figure.locator("figcaption .caption-text strong").first
    ends = [each.evaluate(END) for each in (question, answer, figure.locator("img:visible"), caption)]
    assert ends == sorted(ends) and ends[-1] <= SCREEN["height"]
    if chapter in JUDGING:
        claims = page.locator(".tag_answer li").all_inner_texts()
        assert claims and all(VERDICT.search(claim) for claim in claims)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_cell_that_teaches_is_shown_with_what_it_prints_before_the_fold(open_page, chapter):
    page, _ = open_page(f"book/{chapter}.html", SCREEN["width"])
    cell = page.locator("article .tag_teaching")
    assert cell.locator(".cell_input pre").is_visible()
    assert re.search(r"\d", cell.locator(".cell_output").first.inner_text())
    fold = page.locator("article details.sd-dropdown")
    assert cell.evaluate(END) < fold.evaluate(END) and not fold.locator("pre").first.is_visible()
    fold.locator("summary").click()
    assert "profile = " in fold.locator("pre").first.inner_text()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_line_of_code_is_cut_off_on_a_phone(open_page, chapter):
    page, _ = open_page(f"book/{chapter}.html", 390)
    page.evaluate("document.querySelectorAll('article details').forEach(fold => fold.open = true)")
    assert page.locator("article div.highlight pre").count() > 5
    assert page.locator("article div.highlight pre").evaluate_all(CUT) == []


def test_a_line_that_is_cut_off_would_be_found(open_page):
    page, _ = open_page("book/uniformity.html", 390)
    page.add_style_tag(content="div.highlight pre { white-space: pre !important; overflow: hidden !important; }")
    assert page.locator("article .tag_teaching div.highlight pre").evaluate_all(CUT)


@pytest.mark.parametrize("chapter", JUDGING)
def test_the_table_of_verdicts_shows_every_run_without_a_scroll_bar(open_page, chapter):
    page, _ = open_page(f"book/{chapter}.html", SCREEN["width"])
    boxes = page.locator("section[id$=in-every-published-run] .pst-scrollable-table-container")
    assert boxes.evaluate_all("boxes => boxes.map(box => box.scrollWidth > box.clientWidth)") == [False]
