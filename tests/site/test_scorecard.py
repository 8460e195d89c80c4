"""The built scorecard, sorted and filtered as readers do; it stays whole without scripts."""

import base64
import io
import re

import pandas as pd
import pytest
from site_browser import THEMES

from seelike.results.claims import CLAIMS, VERDICTS
from seelike.results.scorecard import gather
from seelike.system.paths import RESULTS
from seelike.tables.grid import UNTRAINED

PAGE = "book/scorecard.html"
ROWS = ".scorecard tbody tr"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def found():
    return gather(RESULTS, CLAIMS)


def list_shown(page) -> list[str]:
    return [row.locator("th a").first.inner_text() for row in page.locator(f"{ROWS}:visible").all()]


def test_all_claims_are_there_each_cell_with_the_verdict_and_a_link(open_page, found):
    page, faults = open_page(PAGE, java_script_enabled=False)
    assert list_shown(page) == [id for id in CLAIMS if any(id in claims for claims in found.values())]
    heads = page.locator(".scorecard thead th").all_inner_texts()
    for run in found:
        cells = page.locator(f"{ROWS} td:nth-child({heads.index(run) + 1})")
        told = [cell.get_attribute("data-verdict") for cell in cells.all()]
        assert told == [found[run].get(id, {}).get("verdict") for id in list_shown(page)]
    for cell in page.locator(f"{ROWS} td[data-verdict]").all():
        assert re.fullmatch(r"\w+\.html#fig-[\w-]+", cell.locator("> a").get_attribute("href"))
    assert page.locator(".scorecard-choices").count() == 0 and faults == []


def choice(page, name: str):
    return page.locator(f".scorecard-choices select[name='{name}']")


@pytest.mark.parametrize("theme", THEMES)
def test_choices_leave_the_rows_that_they_name(open_page, found, theme):
    page, faults = open_page(PAGE, theme=theme)
    choice(page, "chapter").select_option("mixer")
    assert list_shown(page) == [id for id, claim in CLAIMS.items() if claim.chapter == "mixer"]
    page.get_by_role("button", name="Show all").click()
    choice(page, "run").select_option("pocket")
    choice(page, "verdict").select_option("holds")
    holding = [id for id in CLAIMS if found["pocket"].get(id, {}).get("verdict") == "holds"]
    assert list_shown(page) == holding
    assert page.locator(".scorecard-choices output").inner_text().startswith(f"{len(holding)} of ")
    assert faults == []


def test_a_link_leads_back_to_what_was_chosen(open_page):
    page, _ = open_page(PAGE)
    choice(page, "run").select_option(UNTRAINED)
    choice(page, "verdict").select_option("weak")
    chosen, address = list_shown(page), page.url.partition(PAGE)[2]
    again, _ = open_page(f"{PAGE}{address}")
    assert list_shown(again) == chosen and len(chosen) > 0
    odd, _ = open_page(f"{PAGE}?run=none&other=1")
    assert len(list_shown(odd)) > len(chosen)


def test_heads_sort_by_keyboard_and_say_so(open_page, found):
    page, faults = open_page(PAGE)
    page.locator(".scorecard thead button", has_text=re.compile("^cifar10$")).focus()
    orders = []
    for _ in range(2):
        page.keyboard.press("Enter")
        verdicts = [found["cifar10"].get(id, {}).get("verdict") for id in list_shown(page)]
        orders.append([VERDICTS.index(each) if each else -1 for each in verdicts])
    assert orders[0] == sorted(orders[0], reverse=True) and orders[1] == sorted(orders[0])
    head = page.locator(".scorecard thead th[aria-sort]")
    assert head.count() == 1 and head.get_attribute("aria-sort") == "ascending"
    assert faults == []


def test_on_a_phone_the_table_scrolls_in_its_place_and_claims_stay_in_sight(open_page):
    page, _ = open_page(PAGE, width=390)
    region = page.locator(".scorecard")
    region.scroll_into_view_if_needed()
    region.evaluate("region => { region.scrollLeft = 600; }")
    claim = page.locator(f"{ROWS}:visible th").first
    assert abs(claim.bounding_box()["x"] - region.bounding_box()["x"]) < 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_csv_has_every_claim_of_the_table(open_page):
    page, _ = open_page(PAGE)
    address = page.locator("a[download='scorecard.csv']").get_attribute("href")
    table = pd.read_csv(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert table["claim"].tolist() == list_shown(page)


def test_what_has_changed_is_listed_or_said_to_be_unknown(open_page):
    page, _ = open_page(PAGE)
    section = page.locator("section#what-has-changed")
    rows = section.locator("tbody tr")
    assert rows.count() > 3 or "git history" in section.inner_text() or "shallow" in section.inner_text()
    assert all("→" in row.inner_text() for row in rows.all())
