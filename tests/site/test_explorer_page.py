"""The page of single drawings in a browser: it shows the published arrays, and obeys links, keys and narrow screens."""

import json
import math

import numpy as np
import pytest
import timm
import torch
from site_browser import THEMES
from unpacked import unpack

from seelike.activations.flattened import stream
from seelike.images.shapes import Shapes
from seelike.models import bundled  # noqa: F401

PAGE = "book/explorer.html"
CHOICE = "#drawing=2&token=17&block=4&a=vit-100-0&b=gap-100-0"
TOKEN, BLOCK, DRAWING = 17, 4, 2
KB, MB = 1_000, 1_000_000

pytestmark = pytest.mark.browser


def wait(page, panel: str = "answers"):
    page.wait_for_selector(f"[data-panel={panel}] .explorer-one")
    page.wait_for_function("!document.querySelector('.explorer').hasAttribute('aria-busy')")


def read_maps(page, panel: str, model: str = "a") -> list[list[float]]:
    """The values of each map of a panel, as they stand in the page."""
    maps = page.locator(f"[data-panel={panel}] [data-model={model}] svg").all()
    read = "svg => [...svg.querySelectorAll('[data-value]')].map(r => +r.dataset.value)"
    return [each.evaluate(read) for each in maps]


def read_file(site, path: str) -> dict:
    return unpack((site / "explorer" / path).read_bytes())


@pytest.fixture(scope="module")
def index(site):
    return json.loads((site / "explorer" / "index.json").read_text())


def load() -> tuple[torch.nn.Module, torch.Tensor]:
    """The trained ViT, and the chosen drawing as it takes it."""
    image = torch.from_numpy(Shapes().drawing(DRAWING).image.copy()).permute(2, 0, 1)[None] / 255
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval(), 2 * image - 1


def test_the_maps_show_the_published_arrays(open_page, site):
    page, faults = open_page(PAGE + CHOICE)
    wait(page)
    attention, _ = read_file(site, f"vit-100-0/drawing-{DRAWING}.bin")["attention"]
    np.testing.assert_allclose(read_maps(page, "attention"), attention[BLOCK, :, 1 + TOKEN, 1:], atol=1e-6)
    pooled, _ = read_file(site, f"gap-100-0/drawing-{DRAWING}.bin")["attention"]
    np.testing.assert_allclose(read_maps(page, "attention", "b"), pooled[BLOCK, :, TOKEN], atol=1e-6)
    resemblance, _ = read_file(site, "vit-100-0/positions.bin")["resemblance"]
    np.testing.assert_allclose(read_maps(page, "resemblance"), [resemblance[BLOCK, TOKEN]], atol=1e-6)
    occlusion, _ = read_file(site, f"vit-100-0/drawing-{DRAWING}.bin")["occlusion"]
    np.testing.assert_allclose(read_maps(page, "occlusion"), [occlusion.ravel()], atol=1e-6)
    assert faults == []


def test_the_field_of_the_nearest_measured_position_is_shown(open_page, site, index):
    page, _ = open_page(PAGE + CHOICE)
    wait(page)
    row, column = divmod(TOKEN, 7)
    positions = index["designs"]["vit"]["positions"]
    key = [(math.dist(each, (row, column)), math.dist(each, (3, 3))) for each in positions]
    nearest = min(range(len(key)), key=key.__getitem__)
    field, _ = read_file(site, "vit-100-0/positions.bin")["field"]
    np.testing.assert_allclose(read_maps(page, "field"), [field[nearest, BLOCK].ravel()], atol=1e-6)
    said = page.inner_text("[data-panel=field] [data-model=a]")
    assert f"row {positions[nearest][0] + 1}, column {positions[nearest][1] + 1}" in said


def test_attention_is_the_softmax_of_queries_and_keys(open_page, site):
    """Oracle: the formula, head by head, on what the block's first norm returns."""
    model, image = load()
    layer = f"blocks.{BLOCK}.norm1"
    normed = next(stream(model, [image], [layer]))[layer].reshape(50, 64)
    attention = model.blocks[BLOCK].attn
    weight, bias = (part.detach() for part in (attention.qkv.weight, attention.qkv.bias))
    slow = []
    for head in range(4):
        query, key = (slice(start + 16 * head, start + 16 * head + 16) for start in (0, 64))
        q, k = (normed @ weight[part].T + bias[part] for part in (query, key))
        slow.append(torch.softmax(q[1 + TOKEN] @ k.T / 4, 0)[1:].numpy())
    precision = read_file(site, f"vit-100-0/drawing-{DRAWING}.bin")["attention"][1]
    page, _ = open_page(PAGE + CHOICE)
    wait(page)
    np.testing.assert_allclose(read_maps(page, "attention"), slow, atol=precision + 1e-5)


def test_occlusion_and_answers_are_those_of_the_model(open_page, site):
    """Oracles: one patch after the other set to the mean colour; the softmax of the model's logits."""
    model, image = load()
    with torch.no_grad():
        logits = model(image)[0]
        slow = np.empty(49)
        for patch in range(49):
            occluded = image.clone()
            y, x = (8 * number for number in divmod(patch, 7))
            occluded[:, :, y : y + 8, x : x + 8] = 0
            slow[patch] = logits.max() - model(occluded)[0, logits.argmax()]
    page, _ = open_page(PAGE + CHOICE.replace("token=17", "token=cls"))
    wait(page)
    files = read_file(site, f"vit-100-0/drawing-{DRAWING}.bin")
    np.testing.assert_allclose(read_maps(page, "occlusion"), [slow], atol=files["occlusion"][1] + 1e-4)
    shown = page.locator("[data-panel=answers] [data-model=a] tr").last.locator("[data-value]").all()
    found = [float(each.get_attribute("data-value")) for each in shown]
    right = Shapes().drawing(DRAWING).label
    np.testing.assert_allclose(found, logits.softmax(0)[[int(logits.argmax()), right]], atol=files["answers"][1] + 1e-4)


def test_a_link_restores_what_was_chosen(open_page):
    page, _ = open_page(PAGE)
    wait(page)
    page.locator("[data-model=a] [name=design]").select_option("gap")
    page.locator("[data-model=a] [name=seed]").select_option("1")
    page.locator("[data-model=b] [name=percent]").fill("0")
    page.locator("[name=drawing][value='3']").check(force=True)
    page.locator("[data-token='9']").click()
    page.locator("[name=block]").fill("6")
    wait(page)
    assert page.url.endswith("#drawing=3&token=9&block=6&a=gap-100-1&b=resnet-0-0")
    again, _ = open_page(f"book/{page.url.rpartition('/')[2]}")
    wait(again)
    for panel in ("attention", "resemblance", "field", "occlusion", "answers"):
        assert again.inner_html(f"[data-panel={panel}]") == page.inner_html(f"[data-panel={panel}]")
    assert again.locator("[data-token='9'][aria-pressed=true]").count() == 1
    assert again.locator("[name=drawing]:checked").get_attribute("value") == "3"


def test_a_link_to_what_is_not_there_shows_what_the_page_shows_at_first(open_page, index):
    page, faults = open_page(PAGE + "#drawing=99&token=-1&block=x&a=nothing&b=none")
    wait(page)
    assert page.locator("[name=drawing]:checked").get_attribute("value") == str(index["first"]["drawing"])
    assert page.locator("[data-panel=occlusion] .explorer-one").count() == 1
    assert faults == []


def test_the_keyboard_moves_token_and_block(open_page):
    page, _ = open_page(PAGE + CHOICE)
    wait(page)
    before = read_maps(page, "resemblance")
    page.locator("[data-token][aria-pressed=true]").focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.token") == str(TOKEN + 8)
    page.locator("[name=block]").focus()
    page.keyboard.press("ArrowRight")
    wait(page)
    assert f"token={TOKEN + 8}&block={BLOCK + 1}&" in page.url
    assert page.locator("[name=block]").get_attribute("aria-valuetext") == f"{BLOCK + 1} of 0 to 7"
    assert read_maps(page, "resemblance") != before
    page.locator("[data-panel=resemblance] summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-panel=resemblance] table >> nth=1")


@pytest.mark.parametrize("theme", THEMES)
def test_a_phone_needs_no_scrollbar_and_axe_finds_nothing(open_page, theme):
    from axe_playwright_python.sync_playwright import Axe

    page, faults = open_page(PAGE + CHOICE, width=390, theme=theme)
    wait(page)
    for summary in page.locator("[data-panel] summary").all():
        summary.click()
    page.wait_for_selector("[data-panel=answers] details table")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert faults == []
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


def test_without_scripts_there_is_a_picture_and_every_word(open_page):
    page, _ = open_page(PAGE, java_script_enabled=False)
    assert page.locator(".explorer-still img:visible").count() == 1
    assert page.locator("article h2").count() == 6


def test_what_cannot_be_loaded_is_said_and_asked_for_again(open_page):
    page, _ = open_page(PAGE + CHOICE)
    wait(page)
    page.route("**/mixer-100-0/*.bin", lambda route: route.abort())
    page.locator("[data-model=b] [name=design]").select_option("mixer")
    page.wait_for_function("document.querySelector('.explorer-status').textContent.includes('could not be loaded')")
    page.unroute("**/mixer-100-0/*.bin")
    page.locator("[data-token='3']").click()
    page.wait_for_function("document.querySelector('[data-panel=field]').textContent.includes('Mixer')")
    assert page.inner_text(".explorer-status") == ""


def test_the_page_is_small_before_anything_is_chosen(site, browser, address):
    sizes = []
    page = browser.new_page()
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(f"{address}/{PAGE}", wait_until="networkidle")
    page.close()
    assert len(sizes) > 10 and sum(sizes) < 2 * MB
    files = [path.stat().st_size for path in (site / "explorer").rglob("*") if path.is_file()]
    assert max(files) < 300 * KB and sum(files) < 6 * MB
