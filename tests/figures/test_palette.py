"""Colours that can be told from their page, light or dark, and from each other."""

import itertools
import math

import pytest

from seelike.figures import palette

LINES = {
    **{f"series {i}": c for i, c in enumerate(palette.SERIES)},
    **palette.COLORS,
    **{f"part {i}": c for i, c in enumerate(palette.PARTS)},
    "ink": palette.INK,
}

BLIND = {  # linear RGB as seen, after Machado, Oliveira, Fernandes 2009, severity 1
    "protanopia": [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)],
    "deuteranopia": [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)],
}


def see(color: str, matrix: list[tuple[float, ...]]) -> list[float]:
    """A colour as a colour-blind reader sees it, sRGB within 0 and 1."""
    linear = [(int(color[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    seen = (sum(w * part for w, part in zip(row, linear, strict=True)) for row in matrix)
    return [min(max(part, 0), 1) ** (1 / 2.2) for part in seen]


def luminance(color: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_the_largest_there_is():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("name", LINES)
def test_lines_show_on_a_dark_page(name):
    assert contrast(palette.ON_DARK.get(LINES[name], LINES[name]), palette.DARK_PAPER) >= 3


@pytest.mark.parametrize("name", ["vit", "cnn", "random", "ink"])
def test_models_show_on_a_light_page(name):
    assert contrast(LINES[name], palette.PAPER) >= 3


def test_text_is_legible_on_both_pages():
    for color in (palette.TEXT, palette.INK):
        assert contrast(color, palette.PAPER) >= 7
        assert contrast(palette.ON_DARK[color], palette.DARK_PAPER) >= 7


@pytest.mark.parametrize("fills", [palette.VERDICTS, palette.PALE_VERDICTS])
def test_signs_are_legible_on_every_verdict(fills):
    for color in fills.values():
        assert contrast(palette.ON_VERDICT, color) >= 4.5
        assert contrast(palette.ON_VERDICT, palette.ON_DARK.get(color, color)) >= 4.5


@pytest.mark.parametrize("blindness", BLIND)
def test_verdicts_differ_for_colour_blind_readers_too(blindness):
    seen = [see(color, BLIND[blindness]) for color in palette.VERDICTS.values()]
    assert min(math.dist(one, other) for one, other in itertools.combinations(seen, 2)) > 0.12


def test_red_and_green_would_not_do():
    red, green = ([see(color, matrix) for matrix in BLIND.values()] for color in ("#C8553D", "#7A8B3A"))
    assert min(math.dist(one, other) for one, other in zip(red, green, strict=True)) < 0.12


def test_more_data_stands_out_more_from_the_page():
    for page, shades in (
        (palette.PAPER, palette.SHADES.values()),
        (palette.DARK_PAPER, [palette.ON_DARK[color] for color in palette.SHADES.values()]),
    ):
        steps = [contrast(color, page) for color in shades]
        assert all(less * 1.15 < more for less, more in itertools.pairwise(steps))


def test_no_two_colours_become_one_on_a_dark_page():
    assert len(set(palette.ON_DARK.values())) == len(palette.ON_DARK)
