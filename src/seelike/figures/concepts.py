"""Diagrams of the four ideas that chapters rest on, as small SVG: `python -m seelike.figures.concepts` draws them anew.

They come with the book, in `book/concepts`, so that a notebook shows them anywhere.
"""

from html import escape

import numpy as np

from seelike.figures.palette import COLORS, INK, PARTS, TEXT
from seelike.system.files import write_text
from seelike.system.paths import BOOK

WIDTH = 560  # pixels; half of it still leaves letters legible on a phone
LETTERS = 16  # pixels
CELL = 17


def draw_all() -> dict[str, str]:
    """Name → drawing."""
    drawings = (cka, skip, receptive_field, attention_distance)
    return {draw.__name__: draw() for draw in drawings}


def cka() -> str:
    """Two layers' outputs for the same images, their Gram matrices, and the question that CKA asks of them."""
    generator = np.random.default_rng(0)
    kinds = np.repeat(np.eye(3), 2, axis=0)  # six images, two of a kind
    parts = []
    for top, role, width, name, gram_name in ((26, "vit", 4, "X", "K"), (172, "cnn", 7, "Y", "L")):
        features = kinds @ generator.random((3, width)) + 0.2 * generator.random((6, width))
        centred = features - features.mean(0)
        parts += [_text(0, top - 8, f"layer {name}", "start"), _cells(0, top, features, role)]
        parts += [_arrow(132, top + 51, 186, top + 51), _text(159, top + 41, f"{name}{name}ᵀ")]
        parts += [_text(196, top - 8, f"Gram matrix {gram_name}", "start")]
        parts += [_cells(196, top, np.maximum(centred @ centred.T, 0), role)]
        parts += [_path(f"M 306 {top + 51} H 330 V 150 H 348")]
    parts += _lines(356, 120, "CKA of K and L:", "are the same images", "alike in both layers?", "1: yes, 0: unrelated")
    parts += [_text(0, 304, "rows: images; columns: features, then the same images", "start")]
    return _svg(312, parts)


def skip() -> str:
    """One block: the branch f(z) is added to what the skip carries."""
    y = 120
    parts = [_text(20, y + 6, "z"), _arrow(36, y, 168, y), _box(170, y - 28, 130, 56, "branch f")]
    parts += [_arrow(300, y, 398, y), _circle(412, y, 13), _text(412, y + 6, "+"), _arrow(426, y, 470, y)]
    parts += [_text(480, y + 6, "z + f(z)", "start"), _text(345, y - 10, "f(z)")]
    parts += [_path(f"M 80 {y} V 48 H 412 V {y - 16}", COLORS["vit"], "arrow"), _text(235, 36, "skip: z, unchanged")]
    parts += [_text(WIDTH / 2, 188, "norm ratio ‖z‖ / ‖f(z)‖: which of the two is longer")]
    parts += [_text(WIDTH / 2, 212, "cosine of z and f(z): does the branch add to z, or undo it")]
    return _svg(224, parts)


def receptive_field() -> str:
    """The gradient of one position of a layer with respect to the pixels: narrow, or all over the image."""
    y, x = np.mgrid[-4:5, -4:5]
    parts = []
    for left, title, spread in ((0, "narrow field", 1.2), (190, "wide field", 6.0)):
        parts += [_text(left + 77, 18, title), _cells(left, 30, np.exp(-(x**2 + y**2) / (2 * spread**2)), "vit")]
        parts += [_outline(left + 4 * CELL, 30 + 4 * CELL)]
    words = (
        "gradient of one output",
        "(at the outlined",
        "position) with respect",
        "to every pixel,",
        "mean over images",
    )
    parts += _lines(366, 62, *words)
    parts += [_text(0, 212, "effective radius: the gradient’s mean distance from the centre", "start")]
    return _svg(224, parts)


def attention_distance() -> str:
    """One query patch and what a head attends to: near patches, or all of them alike."""
    away = np.linalg.norm(np.stack(np.mgrid[:9, :9], axis=-1) - (3, 3), axis=-1)
    near, far = ((2, 3), (3, 4), (4, 4)), ((0, 7), (7, 1), (8, 8), (5, 5))
    parts = []
    for left, title, weights, ends in (
        (0, "local head", np.exp(-(away**2) / 2), near),
        (190, "uniform attention", np.full((9, 9), 0.35), far),
    ):
        parts += [_text(left + 77, 18, title), _cells(left, 30, weights, "vit", most=1)]
        parts += [_outline(left + 3 * CELL, 30 + 3 * CELL), *(_line(left, (3, 3), end) for end in ends)]
    words = ("attention of one patch", "(outlined) to others;", "the pixels to each,", "weighted by attention,")
    parts += _lines(366, 62, *words, "mean over patches")
    parts += [_text(0, 212, "1 is the uniform distance; a local head’s is far smaller", "start")]
    return _svg(224, parts)


def _cells(left: float, top: float, values: np.ndarray, role: str, most: float | None = None) -> str:
    """A grid of cells, (rows, columns), stronger for larger values."""
    cells = [
        f'<rect x="{left + CELL * column:g}" y="{top + CELL * row:g}" width="{CELL - 1}" height="{CELL - 1}" '
        f'opacity="{0.08 + 0.92 * share:.2f}"/>'
        for (row, column), share in np.ndenumerate(values / (most or values.max()))
    ]
    return f'<g style="fill:{COLORS[role].lower()}">{"".join(cells)}</g>'


def _outline(left: float, top: float) -> str:
    place = f'x="{left - 1:g}" y="{top - 1:g}" width="{CELL + 1}" height="{CELL + 1}"'
    return f'<rect {place} style="fill:none;stroke:{COLORS["cnn"].lower()};stroke-width:2.5"/>'


def _line(left: float, start: tuple[int, int], end: tuple[int, int]) -> str:
    (y, x), (other_y, other_x) = (
        ((row + 0.5) * CELL + 30, (column + 0.5) * CELL + left) for row, column in (start, end)
    )
    return _path(f"M {x:g} {y:g} L {other_x:g} {other_y:g}", COLORS["cnn"])


def _box(left: float, top: float, width: float, height: float, text: str) -> str:
    look = f"fill:none;stroke:{PARTS[1].lower()};stroke-width:2"
    box = f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="6" style="{look}"/>'
    return box + _text(left + width / 2, top + height / 2 + 6, text)


def _circle(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" style="fill:none;stroke:{INK.lower()};stroke-width:1.5"/>'


def _arrow(x: float, y: float, other_x: float, other_y: float) -> str:
    return _path(f"M {x} {y} L {other_x} {other_y}", INK, "arrow")


def _path(places: str, color: str = INK, end: str = "") -> str:
    head = f' marker-end="url(#{end})"' if end else ""
    return f'<path d="{places}" style="fill:none;stroke:{color.lower()};stroke-width:1.8"{head}/>'


def _lines(x: float, y: float, *words: str) -> list[str]:
    """Text in lines below one another."""
    return [_text(x, y + 22 * row, line, "start") for row, line in enumerate(words)]


def _text(x: float, y: float, text: str, side: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{side}" style="fill:{TEXT.lower()}">{escape(text)}</text>'


def _svg(height: int, parts: list[str]) -> str:
    head = f'<path d="M 0 0 L 8 4 L 0 8 z" style="fill:{INK.lower()}"/>'
    turned = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto"'
    marker = f'<marker id="arrow" {turned}>{head}</marker>'
    font = f'font-family="system-ui, Segoe UI, Roboto, Helvetica, Arial, sans-serif" font-size="{LETTERS}"'
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    lines = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>\n<defs>{marker}</defs>\n{lines}\n</svg>\n'


if __name__ == "__main__":
    for name, drawing in draw_all().items():
        write_text(BOOK / "concepts" / f"{name}.svg", drawing)
