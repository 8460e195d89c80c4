"""`strokes`: another kind of drawing, the far task of fine-tuning. Digits written with a dark pen on pale paper.

Nothing of `shapes` helps but the ability to see lines: no colour, no texture, no filled object tells the class.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seelike.images.drawings import IMAGE_SIZE, Drawings, between, seeded

# Corners of each digit, (x, y) in a box of width 1 and height 2, y downward; a pen goes through them in order.
DIGITS = (
    ((0, 0.4), (0.3, 0), (0.7, 0), (1, 0.4), (1, 1.6), (0.7, 2), (0.3, 2), (0, 1.6), (0, 0.4)),
    ((0.1, 0.5), (0.6, 0), (0.6, 2)),
    ((0, 0.4), (0.3, 0), (0.8, 0), (1, 0.4), (0.9, 0.9), (0, 2), (1, 2)),
    ((0, 0), (1, 0), (0.4, 0.8), (0.9, 1), (1, 1.5), (0.6, 2), (0, 1.8)),
    ((0.7, 2), (0.7, 0), (0, 1.3), (1, 1.3)),
    ((1, 0), (0.1, 0), (0, 0.9), (0.7, 0.8), (1, 1.3), (0.7, 2), (0, 1.9)),
    ((0.8, 0), (0.2, 0.7), (0, 1.4), (0.3, 2), (0.8, 1.9), (1, 1.4), (0.7, 1), (0, 1.3)),
    ((0, 0), (1, 0), (0.4, 2)),
    ((0.5, 0.9), (0, 0.5), (0.5, 0), (1, 0.5), (0.5, 0.9), (0, 1.5), (0.5, 2), (1, 1.5), (0.5, 0.9)),
    ((1, 0.7), (0.3, 1), (0, 0.6), (0.3, 0), (0.8, 0), (1, 0.7), (0.7, 2)),
)
HEIGHT = (24.0, 40.0)  # of a digit, in pixels
SLANT = 0.35  # largest, either way: shift of x a unit of y
JITTER = 0.12  # standard deviation of each corner, in widths
PEN = (1.0, 2.2)  # half the width of the line, in pixels
PAPER_NOISE = 0.03


@dataclass(frozen=True)
class Stroke:
    """One image and what is in it; positions in pixels, the origin at the upper left corner."""

    image: np.ndarray  # (56, 56, 3) uint8
    label: int  # the digit
    corners: np.ndarray  # (corner, 2): the way of the pen, (x, y)


def draw(index: int, split: str = "validation", seed: int = 0) -> Stroke:
    """Draw one image: the same arguments give the same pixels, on any machine. Labels go round robin."""
    rng = seeded(seed, split, index, 1)
    label = index % 10
    corners = _write(rng, label)
    paper, ink = (between(rng, *tones) * np.ones(3) for tones in ((0.75, 1.0), (0.0, 0.3)))
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] + 0.5
    distance = np.min([_distance(x, y, *ends) for ends in pairwise(corners)], 0)
    line = (between(rng, *PEN) + 0.5 - distance).clip(0, 1)[..., None]
    canvas = paper + line * (ink - paper) + PAPER_NOISE * rng.standard_normal((IMAGE_SIZE, IMAGE_SIZE, 1))
    return Stroke(np.rint(255 * canvas.clip(0, 1)).astype(np.uint8), label, corners)


class Strokes(Drawings):
    """`strokes` as a PyTorch dataset; see `drawings.Drawings`."""

    name, classes = "strokes", tuple("0123456789")

    def _draw(self, index: int) -> Stroke:
        return draw(index, self.split, self.seed)


def _write(rng: np.random.Generator, digit: int) -> np.ndarray:
    """The corners of one digit, each a little astray, slanted, sized and put somewhere on the paper."""
    corners = np.array(DIGITS[digit], float) - (0.5, 1)
    corners += JITTER * rng.standard_normal(corners.shape)
    corners[:, 0] += between(rng, -SLANT, SLANT) * corners[:, 1]
    corners *= between(rng, *HEIGHT) / 2 * np.array([between(rng, 0.7, 1.1), 1.0])
    low, high = corners.min(0), corners.max(0)
    margin = PEN[1] + 1
    return corners + [between(rng, margin - a, IMAGE_SIZE - margin - b) for a, b in zip(low, high, strict=True)]


def _distance(x: np.ndarray, y: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """From each pixel's centre to a line segment."""
    along = end - start
    share = (((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-9)).clip(0, 1)
    return np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
