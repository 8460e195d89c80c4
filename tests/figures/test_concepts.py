"""Diagrams of ideas: those that come with the book are those that the code draws."""

import re
from xml.etree import ElementTree

import pytest

from seelike.figures import concepts
from seelike.system.paths import BOOK

DRAWN = concepts.draw_all()


@pytest.mark.parametrize("name", DRAWN)
def test_the_book_comes_with_what_the_code_draws(name):
    assert (BOOK / "concepts" / f"{name}.svg").read_text(encoding="utf-8") == DRAWN[name]


@pytest.mark.parametrize("name", DRAWN)
def test_every_diagram_is_small_and_stays_inside_its_frame(name):
    root = ElementTree.fromstring(DRAWN[name])
    assert len(DRAWN[name]) < 13_000 and root.tag.endswith("svg")
    height = float(root.get("height"))
    for cell in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, wide, high = (float(cell.get(key)) for key in ("x", "y", "width", "height"))
        assert x >= -1 and y >= 0 and x + wide <= concepts.WIDTH and y + high <= height


def test_letters_are_legible_on_a_phone():
    assert concepts.LETTERS * 358 / concepts.WIDTH >= 10
    assert all(re.search(rf'font-size="{concepts.LETTERS}"', drawing) for drawing in DRAWN.values())
