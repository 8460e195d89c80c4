"""Scenes of `shapes` in which other cues tell the class, index by index the same but for these cues.

`untextured` leaves the outline alone to go by, `grounded` adds a hue of the ground: what a network goes by when the
object's surface says nothing, and what it takes from behind the object.
"""

from dataclasses import replace

from seelike.images.drawings import seeded
from seelike.images.shapes import OUTLINES, RELIABILITY, Drawing, Shapes, draw

CHANCE = 1 / 5  # a cue of this reliability is any of its five values, whatever the class
GROUND_RELIABILITY = 0.6


class Untextured(Shapes):
    """`untextured`: texture and hue are at chance, so the outline alone tells; the class is the outline, of five."""

    name, classes = "untextured", OUTLINES

    def _draw(self, index: int) -> Drawing:
        drawing = draw(index, self.split, self.seed, reliability=RELIABILITY | {"texture": CHANCE, "hue": CHANCE})
        return replace(drawing, label=drawing.label % len(OUTLINES))


class Grounded(Shapes):
    """`grounded`: one hue of the ground, of ten, agrees with the class in 60 % of the drawings."""

    name = "grounded"

    def _draw(self, index: int) -> Drawing:
        return draw(index, self.split, self.seed, ground=choose_ground(index, self.split, self.seed))


def choose_ground(index: int, split: str, seed: int) -> int:
    """The ground of a drawing: its class's own, or with probability 0.4 that of one of the nine others."""
    rng = seeded(seed, split, index, 3)
    keep, other = rng.random(), int(rng.random() * 9)
    own = index % 10
    return own if keep < GROUND_RELIABILITY else (own + 1 + other) % 10
