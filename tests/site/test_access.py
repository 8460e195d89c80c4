"""The built pages for everybody: axe-core's rules, the keyboard alone, and figures that can be hovered over."""

import json
import re

import pytest
from site_browser import PAGES, THEMES

from seelike.figures.palette import DARK_PAPER, PAPER
from seelike.system.paths import RESULTS

ONLY = {"resultTypes": ["violations"]}
SERIOUS = ("serious", "critical")

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_page, path, theme):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = open_page(path, theme=theme)
    found = Axe().run(page, options=ONLY).response["violations"]
    assert [
        (rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found if rule["impact"] in SERIOUS
    ] == []


def test_axe_would_find_what_is_wrong(open_page):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = open_page("book/intro.html")
    page.evaluate("document.querySelector('article figure img').removeAttribute('alt')")
    assert "image-alt" in [rule["id"] for rule in Axe().run(page, options=ONLY).response["violations"]]


@pytest.mark.parametrize("theme", THEMES)
def test_figures_have_the_ground_of_their_page(open_page, theme):
    page, _ = open_page("book/intro.html", theme=theme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    paper = DARK_PAPER if theme == "dark" else PAPER
    assert ground == f"rgb({', '.join(str(int(paper[i : i + 2], 16)) for i in (1, 3, 5))})"


def test_the_keyboard_reaches_the_content_first_and_every_kind_of_control(open_page):
    page, _ = open_page("book/uniformity.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
    reached = set()
    for _ in range(160):
        page.keyboard.press("Tab")
        tag = page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
        reached |= {
            kind
            for kind in ("data-heatmap", ".csv", "theme-switch", "search-button", "attention_distance.html")
            if kind in tag
        }
    assert reached == {"data-heatmap", ".csv", "theme-switch", "search-button", "attention_distance.html"}


def test_a_heatmap_opens_and_is_read_by_keyboard_and_closes_again(open_page):
    page, faults = open_page("book/uniformity.html")
    button = page.locator("button[data-heatmap]").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("figure.is-hovered .heatmap >> nth=2")
    figure = page.locator("figure.is-hovered").first
    assert figure.locator("img:visible").count() == 0
    assert button.inner_text() == "Show the picture"
    figure.locator(".map").first.focus()
    told = [press(page, figure, key) for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowLeft")]
    assert told[0] == told[2] == told[3] != told[1]
    button.click()
    assert page.locator("figure.is-hovered").count() == 0
    assert faults == []


def press(page, figure, key: str) -> str:
    page.keyboard.press(key)
    return figure.locator("output").first.inner_text()


@pytest.mark.parametrize("theme", THEMES)
def test_pointing_at_a_heatmap_tells_the_layers_and_their_published_value(open_page, theme):
    page, faults = open_page("book/uniformity.html", theme=theme)
    picture = page.locator("#fig-uniformity-run img:visible")
    picture.scroll_into_view_if_needed()
    picture.hover()
    page.wait_for_selector("#fig-uniformity-run .heatmap >> nth=2")
    box = page.locator("#fig-uniformity-run .map").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 4, steps=5)
    told = page.locator("#fig-uniformity-run output").last.inner_text()
    value, up, right = re.fullmatch(r"CKA ([\d.−-]+)\s*up: (\S+?)\s*right: (\S+)", told).groups()
    entry = json.loads((RESULTS / "pocket" / "uniformity.json").read_text())["measures"]["cka"]["vit_cnn"]
    rows, columns = entry["axes"].values()
    assert float(value) == pytest.approx(entry["values"][rows.index(up)][columns.index(right)], abs=6e-4)
    assert (rows.index(up) > len(rows) / 2) and (columns.index(right) < len(columns) / 2)
    assert faults == []


def test_axe_finds_nothing_serious_in_a_heatmap(open_page):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = open_page("book/mixer.html")
    page.locator("button[data-heatmap]").first.click()
    page.wait_for_selector("figure.is-hovered .heatmap")
    found = Axe().run(page, options=ONLY).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in SERIOUS] == []
