"""`shapes`: the images this project draws, so that every chapter runs offline.

An image is a pure function of (seed, split, index). It shows one large object among small distractors on a
cluttered ground. Three cues tell its class, each at its own scale: the outline (tens of pixels), the texture
(about five) and the hue (one). Every value of a cue is shared by two of the ten classes and no two classes
share the values of two cues, so no cue alone can tell the class; and each cue is sometimes drawn from another
class (`RELIABILITY`), so no pair is beyond doubt either. The local cues do not suffice together: the outline
has to be seen. Distractors are small objects with cues of their own, so that which texture and hue count is
settled only by finding the one large outline.
"""

import colorsys
from dataclasses import dataclass

import numpy as np

from seelike.images.drawings import IMAGE_SIZE, Drawings, between, seeded

OUTLINES = ("disk", "ring", "triangle", "slab", "cross")
TEXTURES = ("striped", "barred", "checked", "dotted", "speckled")
HUES = ("orange", "green", "teal", "blue", "pink")
CUES = {"outline": OUTLINES, "texture": TEXTURES, "hue": HUES}
RELIABILITY = {"outline": 0.97, "texture": 0.9, "hue": 0.5}

CLASS_CUES = np.array([[i % 5, (i + i // 5) % 5, (i + 2 * (i // 5)) % 5] for i in range(10)])
REGROUPED_CUES = np.array([[i % 5, (i + 2 + i // 5) % 5, (i + 4 - 3 * (i // 5)) % 5] for i in range(10)])
CONFLICTS = np.array([[i % 5, (i + 2 + i // 5) % 5] for i in range(15)])  # outlines with textures that no class joins

OBJECT_RADIUS = (12.0, 18.0)  # of the disk of the same area, in pixels
DISTRACTOR_RADIUS = (2.5, 5.0)
N_BEHIND, N_IN_FRONT = 7, 1  # distractors
TILT = np.pi / 9  # largest, either way
PIXEL_NOISE = 0.03
GROUND_SATURATION = (0.2, 0.7)
PIXELS = np.indices((IMAGE_SIZE, IMAGE_SIZE))  # the row and the column of each


def _name_classes(class_cues: np.ndarray) -> tuple[str, ...]:
    return tuple(f"{HUES[h]} {TEXTURES[t]} {OUTLINES[o]}" for o, t, h in class_cues)


@dataclass(frozen=True)
class Drawing:
    """One image and what is in it; positions in pixels, the origin at the upper left corner."""

    image: np.ndarray  # (56, 56, 3) uint8
    label: int  # the class, 0–9
    outline: int  # the cues as drawn, 0–4, which may be another class's
    texture: int
    hue: int
    center: tuple[float, float]  # (x, y) of the object
    radius: float  # of the disk with the object's area
    mask: np.ndarray  # (56, 56) bool: pixels that show the object more than half, nothing being in front of it


def draw(
    index: int,
    split: str = "validation",
    seed: int = 0,
    class_cues: np.ndarray = CLASS_CUES,
    reliability: dict[str, float] = RELIABILITY,
    ground: int | None = None,
) -> Drawing:
    """Draw one image: the same arguments give the same pixels, on any machine.

    Labels go round robin (`index % 10`), so every run of images is balanced. With other `class_cues`
    (class, cue) or of another `reliability` the same scene shows another object. With a `ground`, 0 to 9, one of the
    two colours of the ground has a hue out of that tenth of all hues.
    """
    rng = seeded(seed, split, index)
    label = index % 10
    return _draw_scene(rng, label, _choose_cues(rng, class_cues[label], reliability), ground)


def choose_cues(index: int, split: str = "validation", seed: int = 0) -> list[int]:
    """The outline, texture and hue of one image, as `draw` draws them, without the drawing."""
    return _choose_cues(seeded(seed, split, index), CLASS_CUES[index % 10])


def draw_conflict(index: int, split: str = "validation", seed: int = 0) -> Drawing:
    """Draw an object with the outline of some classes and the texture of others, and a hue of its own: a cue conflict.

    Labels are the rows of `CONFLICTS`, round robin; the cues are drawn as these say.
    """
    rng = seeded(seed, split, index, 2)
    label = index % len(CONFLICTS)
    return _draw_scene(rng, label, [*map(int, CONFLICTS[label]), int(5 * rng.random())])


def _draw_scene(rng, label: int, cues: list[int], ground: int | None = None) -> Drawing:
    """An object of these cues, somewhere among distractors on a ground."""
    radius = between(rng, *OBJECT_RADIUS)
    center = (between(rng, radius, IMAGE_SIZE - radius), between(rng, radius, IMAGE_SIZE - radius))
    canvas = _draw_ground(rng, ground)
    for _ in range(N_BEHIND):
        _paint_distractor(canvas, rng)
    mask = _paint(canvas, rng, center, radius, *cues)
    for _ in range(N_IN_FRONT):
        mask &= ~_paint_distractor(canvas, rng)
    canvas += PIXEL_NOISE * rng.standard_normal(canvas.shape)
    image = np.rint(255 * canvas.clip(0, 1)).astype(np.uint8)
    return Drawing(image, label, *cues, center, radius, mask)


def label_pixels(drawing: Drawing) -> np.ndarray:
    """(56, 56) uint8: 0 where it shows ground, or what lies before its object; else 1 + the outline, 1 to 5."""
    return np.where(drawing.mask, 1 + drawing.outline, 0).astype(np.uint8)


class Shapes(Drawings):
    """`shapes` as a PyTorch dataset; see `drawings.Drawings`."""

    name, class_cues = "shapes", CLASS_CUES
    classes = _name_classes(CLASS_CUES)

    def _draw(self, index: int) -> Drawing:
        return draw(index, self.split, self.seed, self.class_cues)


class Regrouped(Shapes):
    """`regrouped`: the near task of fine-tuning. The same kind of drawings and cues, but no two cues of a class
    go together in any class of `shapes`."""

    name, class_cues = "regrouped", REGROUPED_CUES
    classes = _name_classes(REGROUPED_CUES)


class Conflicts(Shapes):
    """`conflicts`: drawings whose outline and texture speak for different classes of `shapes`."""

    name = "conflicts"
    classes = tuple(f"{TEXTURES[t]} {OUTLINES[o]}" for o, t in CONFLICTS)

    def _draw(self, index: int) -> Drawing:
        return draw_conflict(index, self.split, self.seed)


def best_accuracy(cues: tuple[str, ...] = tuple(CUES)) -> float:
    """The accuracy of an ideal reader of the named cues alone: a ceiling for every model.

    Labels are balanced, so it is the mean over classes of max P(cue values | class), summed over values.
    """
    seen = np.indices((5,) * len(cues)).reshape(len(cues), -1, 1)
    likelihood = np.ones((5 ** len(cues), 10))
    for values, cue in zip(seen, cues, strict=True):
        right = values == CLASS_CUES[:, list(CUES).index(cue)]
        likelihood *= np.where(right, RELIABILITY[cue], (1 - RELIABILITY[cue]) / 4)
    return float(likelihood.max(1).sum() / 10)


def _choose_cues(rng, values, reliability: dict[str, float] = RELIABILITY) -> list[int]:
    return [_choose_cue(rng, value, reliability[cue]) for cue, value in zip(CUES, values, strict=True)]


def _choose_cue(rng, value: int, reliability: float) -> int:
    """The class's own value, or with probability 1 − reliability one of the four others."""
    keep, other = rng.random(), int(rng.random() * 4)
    return int(value) if keep < reliability else (int(value) + 1 + other) % 5


def _color(hue: float, saturation: float, value: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def _draw_ground(rng, tenth: int | None) -> np.ndarray:
    """Two random colours mixed by three random plane waves; the first one's hue out of a `tenth`, where it is given."""
    y, x = PIXELS + 0.5
    mix = np.full((IMAGE_SIZE, IMAGE_SIZE), 0.5)
    for _ in range(3):
        angle, phase = 2 * np.pi * rng.random(), 2 * np.pi * rng.random()
        frequency = between(rng, 0.05, 0.35)
        mix += np.sin(frequency * (np.cos(angle) * x + np.sin(angle) * y) + phase) / 6
    hues = ((0, 1) if tenth is None else (tenth / 10, (tenth + 1) / 10), (0, 1))
    one, two = (_color(*(between(rng, *limits) for limits in (hue, GROUND_SATURATION, (0.25, 0.85)))) for hue in hues)
    return one * mix[..., None] + two * (1 - mix[..., None])


def _paint_distractor(canvas: np.ndarray, rng) -> np.ndarray:
    center = (IMAGE_SIZE * rng.random(), IMAGE_SIZE * rng.random())
    outline, texture, hue = (int(5 * rng.random()) for _ in range(3))
    return _paint(canvas, rng, center, between(rng, *DISTRACTOR_RADIUS), outline, texture, hue)


def _paint(canvas: np.ndarray, rng, center, radius: float, outline: int, texture: int, hue: int) -> np.ndarray:
    """Paint one object over the canvas: textured, with a dark rim, its edge antialiased. Its mask, (56, 56) bool."""
    reach = int(np.ceil(1.7 * radius)) + 1
    left, top = (max(0, int(c) - reach) for c in center)
    place = np.s_[top : int(center[1]) + reach + 1, left : int(center[0]) + reach + 1]
    window, mask = canvas[place], np.zeros(canvas.shape[:2], bool)
    y, x = PIXELS[:, : window.shape[0], : window.shape[1]]
    x, y = x + (left + 0.5 - center[0]), y + (top + 0.5 - center[1])
    angle = np.arctan2(y, x) + np.pi / 2 + between(rng, -TILT, TILT)
    depth = radius * _depth(OUTLINES[outline], np.hypot(x, y) / radius, angle)
    tone = _weave(TEXTURES[texture], rng, x, y)[..., None]
    turn = 0.07 + (hue + between(rng, -0.15, 0.15)) / 5
    light = _color(turn, between(rng, 0.4, 0.75), between(rng, 0.75, 1.0))
    dark = light * between(rng, 0.3, 0.55)
    paint = dark + tone * (light - dark)
    rim = (1.5 - np.abs(depth - 0.75)).clip(0, 1)[..., None]
    paint += rim * (0.35 * light - paint)
    window += (depth + 0.5).clip(0, 1)[..., None] * (paint - window)
    mask[place] = depth > 0
    return mask


def _depth(outline: str, r: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """How far inside the outline a point lies (negative: outside), at polar coordinates about its centre.

    Lengths are in object radii: every outline has the area of the unit disk, so that size tells nothing.
    """
    if outline == "disk":
        return 1 - r
    if outline == "ring":
        return np.minimum(1.15 - r, r - np.sqrt(1.15**2 - 1))
    if outline == "slab":
        return np.minimum(1.35 - np.abs(r * np.sin(angle)), np.pi / 4 / 1.35 - np.abs(r * np.cos(angle)))
    if outline == "triangle":  # to its edge along the ray; the area of one of corner radius 1 is 3√3/4
        edge = np.cos(np.pi / 3) / np.cos(angle % (2 * np.pi / 3) - np.pi / 3)
        return edge * np.sqrt(4 * np.pi / 27**0.5) - r
    width = 0.33  # of an arm of the cross, as a share of its length; folded into the eighth above an arm
    fold = np.abs((angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    edge = np.where(np.tan(fold) < width, 1 / np.cos(fold), width / np.sin(np.maximum(fold, 1e-9)))
    return edge * np.sqrt(np.pi / (8 * width - 4 * width**2)) - r


def _weave(texture: str, rng, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two tones, 0 to 1, with a period of 4.5–6.5 px, a random phase and a slight tilt."""
    tilt, frequency = between(rng, -0.2, 0.2), 2 * np.pi / between(rng, 4.5, 6.5)
    across = frequency * (np.cos(tilt) * x + np.sin(tilt) * y) + 2 * np.pi * rng.random()
    down = frequency * (np.cos(tilt) * y - np.sin(tilt) * x) + 2 * np.pi * rng.random()
    if texture == "striped":
        wave = np.sin(down)
    elif texture == "barred":
        wave = np.sin(across)
    elif texture == "checked":
        wave = 1.6 * np.sin(across) * np.sin(down)
    elif texture == "dotted":
        wave = np.sin(across) + np.sin(down) - 0.7
    else:
        grains = rng.random(((x.shape[0] + 1) // 2, (x.shape[1] + 1) // 2)).repeat(2, 0).repeat(2, 1)
        wave = 2.4 * (grains[: x.shape[0], : x.shape[1]] - 0.5)
    return (0.5 + 0.9 * wave).clip(0, 1)
