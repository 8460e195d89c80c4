"""Drawings as the pages show them: small, and one file for light and dark pages.

matplotlib writes coordinates to a millionth of a point, long names, every line of text anew, and pictures inside a
drawing as PNG. A page needs none of that: what is drawn stays the same to a hundredth of a point, and pictures to the
last pixel. Asked for as `drawing.svg#dark`, a drawing takes the colours of a dark page.
"""

import base64
import io
import re
from collections import Counter
from itertools import count

from PIL import Image

from seelike.figures.palette import ON_DARK

DARK = "dark"  # the fragment of a drawing's address that asks for its dark colours
RIM = re.compile(r'(<defs><path id="\w+" d="[^"]*" style=")stroke:#[0-9a-f]{6};?')
DECIMALS = 2  # of a point, of which 96 pixels of the screen have 72
CSS_PIXELS = 96 / 72  # of a point
UNSEEN = re.compile(r"<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.S)
NUMBER = re.compile(r"-?\d+\.\d+")
PLACES = re.compile(r'( (?:d|x|y|width|height|points|viewBox)="|translate\()([^")]*)')
PICTURE = re.compile(r'data:image/png;base64,([^"]+)')
GLYPH = re.compile(r'd="([^"]*)" transform="scale\(0\.015625\)"')
STYLE = re.compile(r'style="[^"]*"')
ID = re.compile(r' id="([^"]*)"')
USED = re.compile(r'(href="#|url\(#)([^")]+)')
LETTER = re.compile(r'<use xlink:href="([^"]*)"(?: transform="translate\(([^ )]+)(?: 0)?\)")?')
LINE = re.compile(r'(?:<use href="[^"]*"(?: x="[^"]*")?/>){3,}')  # of text


def compact(svg: str) -> str:
    """The same drawing in fewer bytes: numbers rounded, names short, what is not seen left out."""
    svg = PICTURE.sub(lambda found: f"data:image/webp;base64,{_recode(found[1])}", UNSEEN.sub("", svg))
    svg = GLYPH.sub(lambda found: f'd="{_shrink(found[1])}" transform="scale(0.15625)"', svg)
    svg = PLACES.sub(lambda found: found[1] + _round(found[2]), svg)
    svg = LETTER.sub(_place_letter, svg)
    svg = STYLE.sub(lambda found: found[0].replace(": ", ":").replace("; ", ";"), svg)
    return _rename(_share_lines(re.sub(r">\s+<", "><", svg))).strip() + "\n"


def _round(places: str) -> str:
    """Coordinates to `DECIMALS`, letters of a path without the blanks around them."""
    rounded = NUMBER.sub(lambda found: _shorten(found[0], DECIMALS), places)
    return re.sub(r" ?([A-Za-z]) ?", r"\1", " ".join(rounded.split()))


def _shrink(outline: str) -> str:
    """A letter's outline in tens of its units, less than a hundredth of a point, each place counted from the last."""
    steps, x, y, start = [], 0, 0, (0, 0)
    for command, numbers in re.findall(r"([MLQCz])([^MLQCz]*)", outline):
        places = [round(float(number) / 10) for number in numbers.split()]
        moves = (place - (y if i % 2 else x) for i, place in enumerate(places))
        steps.append(command.lower() + " ".join(map(str, moves)).replace(" -", "-"))
        x, y = places[-2:] or start
        start = (x, y) if command == "M" else start
    return "".join(steps)


def _share_lines(svg: str) -> str:
    """Text that is written several times is there once, and used elsewhere."""
    often = {line for line, times in Counter(LINE.findall(svg)).items() if times > 1}
    names: dict[str, str] = {}

    def place(found: re.Match) -> str:
        line = found[0]
        if line not in often:
            return line
        if line in names:
            return f'<use href="#{names[line]}"/>'
        names[line] = f"line{len(names)}"
        return f'<g id="{names[line]}">{line}</g>'

    return LINE.sub(place, svg)


def _place_letter(found: re.Match) -> str:
    """A letter in fewer bytes: its place in its line, of which a hundred units are the size of its font."""
    place = f' x="{_shorten(found[2], 1)}"' if found[2] else ""
    return f'<use href="{found[1]}"{place}'


def _shorten(number: str, decimals: int) -> str:
    return f"{round(float(number), decimals) + 0.0:.{decimals}f}".rstrip("0").rstrip(".")


def _rename(svg: str) -> str:
    """Short names for what is used by name, none for all else."""
    names = (f"{i:x}" for i in count())
    known = {name: f"_{next(names)}" for name in dict.fromkeys(found[2] for found in USED.finditer(svg))}
    svg = ID.sub(lambda found: f' id="{known[found[1]]}"' if found[1] in known else "", svg)
    return USED.sub(lambda found: found[1] + known[found[2]], svg)


def _recode(encoded: str) -> str:
    """A PNG as lossless WebP, in base64; every pixel as it was."""
    written = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(encoded))).save(written, "WEBP", lossless=True, exact=True)
    return base64.b64encode(written.getvalue()).decode()


def in_both_themes(svg: str) -> str:
    """A drawing of `compact` that takes the dark counterparts of its colours where its address ends in `#dark`.

    The colour of a marker's rim is that of the place where it is used, which has it too: no rule reaches its copies.
    """
    svg = RIM.sub(r"\1", svg)
    rules = [
        f':root:target [style*="{kind}:{light.lower()}"]{{{kind}:{dark.lower()}!important}}'
        for light, dark in ON_DARK.items()
        for kind in ("fill", "stroke")
        if f"{kind}:{light.lower()}" in svg
    ]
    return svg.replace("<svg ", f'<svg id="{DARK}" ', 1).replace("<defs>", f"<defs><style>{''.join(rules)}</style>", 1)


def measure(svg: str) -> tuple[int, int]:
    """Width and height on the page, in CSS pixels."""
    width, height, unit = re.search(r'width="([\d.]+)(?:pt)?" height="([\d.]+)(pt)?"', svg[:2000]).groups()
    scale = CSS_PIXELS if unit else 1
    return round(float(width) * scale), round(float(height) * scale)


def is_finished(svg: str) -> bool:
    """Whether a drawing is one of `in_both_themes`."""
    return f'<svg id="{DARK}"' in svg
