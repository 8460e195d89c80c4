"""Drawings of the pages: what is drawn stays, in fewer bytes; a dark page's colours come with it."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from seelike.figures.palette import COLORS, ON_DARK
from seelike.figures.style import use_style
from seelike.site import drawings


@pytest.fixture(scope="module")
def svg() -> str:
    """A drawing with a line, markers, a legend, text and a picture inside."""
    use_style()
    figure, (left, right) = plt.subplots(1, 2)
    left.plot(np.linspace(0, 1, 50) ** 2, "o-", color=COLORS["vit"], label="ViT")
    left.legend()
    right.imshow(np.arange(12.0).reshape(3, 4))
    written = io.StringIO()
    figure.savefig(written, format="svg")
    plt.close(figure)
    return written.getvalue()


def read_pictures(svg: str) -> list[bytes]:
    encoded = re.findall(r"base64,([^\"]+)", svg)
    return [Image.open(io.BytesIO(base64.b64decode(each))).convert("RGBA").tobytes() for each in encoded]


def read_places(svg: str) -> list[float]:
    """All coordinates of paths but those of letters, in their order."""
    paths = re.findall(r' d="([^"]*)"(?! transform)', svg)
    return [float(n) for d in paths for n in re.findall(r"-?[\d.]+", d)]


def test_what_is_drawn_stays_and_takes_fewer_bytes(svg):
    small = drawings.compact(svg)
    assert len(small) < 0.8 * len(svg)
    assert small.count("<path") == svg.count("<path")
    np.testing.assert_allclose(read_places(small), read_places(svg), atol=0.0051)
    assert read_pictures(small) == read_pictures(svg) != []
    assert "scale(0.09 -0.09)" in small and "2020-" not in small and "metadata" not in small


def test_every_name_that_is_used_is_there_and_no_other(svg):
    small = drawings.compact(svg)
    used = {found[2] for found in drawings.USED.finditer(small)}
    assert used == set(re.findall(r' id="([^"]*)"', small)) and used


def test_a_path_is_written_without_needless_blanks():
    path = '<path id="a" d="M 0 699.59952 \nL -0.001 2.50001 \nz\n" style="fill: #ffffff; stroke: none"/>'
    assert drawings.compact(path) == '<path d="M0 699.6L0 2.5z" style="fill:#ffffff;stroke:none"/>\n'


def test_a_letter_is_written_with_its_place_alone():
    letters = '<use xlink:href="#a"/><use xlink:href="#a" transform="translate(63.4765 0)"/>'
    raised = '<use xlink:href="#a" transform="translate(0 3.1) scale(0.7)"/>'
    small = drawings.compact(f'<g><path id="a"/>{letters}{raised}</g>')
    assert '<use href="#_0"/><use href="#_0" x="63.5"/>' in small
    assert '<use href="#_0" transform="translate(0 3.1) scale(0.7)"/>' in small


def test_the_outline_of_a_letter_is_counted_from_place_to_place():
    outline = "M 100 200 \nL 304 200 \nQ 350 250 300 300 \nz\nM 10 10 \nL 20 6 \nz\n"
    small = drawings.compact(f'<path id="a" d="{outline}" transform="scale(0.015625)"/>')
    assert small == '<path d="m10 20l20 0q5 5 0 10zm-9-19l1 0z" transform="scale(0.15625)"/>\n'


def test_a_line_of_text_is_written_once():
    line = "".join(f'<use xlink:href="#{letter}"/>' for letter in "abc")
    small = drawings.compact(f'<path id="a"/><path id="b"/><path id="c"/><g>{line}</g><g>{line}</g>')
    (shared,) = re.findall(r'<g><g id="([^"]*)">(?:<use href="[^"]*"/>){3}</g></g>', small)
    assert small.endswith(f'<g><use href="#{shared}"/></g>\n')


@pytest.mark.parametrize("colours", [2, 256, 300])
def test_a_picture_in_a_drawing_keeps_every_pixel(colours):
    pixels = np.zeros((20, 20, 3), dtype=np.uint8)
    pixels.reshape(-1, 3)[:colours] = [(i % 256, i // 256, 7) for i in range(colours)]
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    before = f'<image xlink:href="data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"/>'
    assert read_pictures(drawings.compact(before)) == read_pictures(before)


def test_every_colour_of_the_palette_has_its_dark_one_and_no_other_has(svg):
    small = drawings.compact(svg)
    both = drawings.in_both_themes(small)
    rules = dict(re.findall(r'\[style\*="(\w+:#\w+)"\]\{\w+:(#\w+)!important\}', both))
    used = {f"{kind}:{colour}" for kind, colour in re.findall(r"\b(fill|stroke):(#\w{6})", small)}
    dark = {light.lower(): colour.lower() for light, colour in ON_DARK.items()}
    assert rules == {each: dark[each.partition(":")[2]] for each in used if each.partition(":")[2] in dark}
    assert f"stroke:{COLORS['vit'].lower()}" in rules
    assert drawings.RIM.search(small) and not drawings.RIM.search(both)  # rims are of the colour of what uses them
    assert drawings.is_finished(both) and not drawings.is_finished(small)
