"""Scenes of `shapes` with other cues: the same scenes, and cues that say as much as promised."""

import numpy as np
import pytest

from seelike.images.other_cues import GROUND_RELIABILITY, Grounded, Untextured, choose_ground
from seelike.images.shapes import CLASS_CUES, OUTLINES, RELIABILITY, Shapes, draw

N = 1500


def test_the_outline_alone_tells_the_class_of_an_untextured_drawing():
    drawings = [Untextured("test").drawing(i) for i in range(N)]
    cues = {cue: np.array([getattr(d, cue) for d in drawings]) for cue in RELIABILITY}
    labels, classes = np.array([d.label for d in drawings]), np.arange(N) % 10
    assert labels.tolist() == [i % 5 for i in range(N)] and Untextured.classes == OUTLINES
    assert (cues["outline"] == labels).mean() == pytest.approx(RELIABILITY["outline"], abs=0.02)
    for column, cue in ((1, "texture"), (2, "hue")):
        assert (cues[cue] == CLASS_CUES[classes, column]).mean() == pytest.approx(0.2, abs=0.04)


def test_grounded_drawings_change_behind_the_object_alone_and_untextured_ones_keep_where_it_is():
    for i in range(20):
        own, bare, grounded = (kind("train", 1).drawing(i) for kind in (Shapes, Untextured, Grounded))
        assert (own.center, own.radius, own.outline) == (bare.center, bare.radius, bare.outline)
        assert (own.image != bare.image).any() or (own.texture, own.hue) == (bare.texture, bare.hue)
        changed = (own.image != grounded.image).any(-1)
        inner = np.lib.stride_tricks.sliding_window_view(np.pad(own.mask, 1), (3, 3)).all((-2, -1))
        assert inner.any() and not (changed & inner).any() and changed[~own.mask].mean() > 0.5


def test_a_ground_agrees_with_the_class_as_often_as_promised_and_else_with_any_other():
    grounds = np.array([choose_ground(i, "train", 0) for i in range(20_000)])
    turned = (grounds - np.arange(20_000)) % 10
    shares = np.bincount(turned, minlength=10) / 20_000
    assert shares[0] == pytest.approx(GROUND_RELIABILITY, abs=0.01)
    np.testing.assert_allclose(shares[1:], (1 - GROUND_RELIABILITY) / 9, atol=0.01)


def test_a_ground_has_a_hue_of_its_tenth(monkeypatch):
    """Seen by what is mixed: of the colours that a scene asks for, the first is the ground's."""
    asked = []
    monkeypatch.setattr("seelike.images.shapes._color", lambda *hsv: asked.append(hsv) or np.zeros(3))
    for ground in range(10):
        asked.clear()
        draw(3, ground=ground)
        free = draw(3) and asked[len(asked) // 2 : len(asked) // 2 + 2]
        assert ground / 10 <= asked[0][0] < (ground + 1) / 10
        assert asked[0][0] == pytest.approx((ground + free[0][0]) / 10) and asked[1] == free[1]


def test_a_reader_of_the_ground_alone_does_better_on_grounded_drawings_than_by_chance():
    """The nearest of ten mean colours of the corners, fitted on half of the drawings; on `shapes` it is at chance."""

    def read(kind) -> float:
        images = np.stack([kind("test").drawing(i).image for i in range(2000)])
        corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(2000, -1) / 255
        labels, half = np.arange(2000) % 10, slice(0, 1000)
        means = np.stack([corners[half][labels[half] == c].mean(0) for c in range(10)])
        return float((((corners[1000:, None] - means) ** 2).sum(-1).argmin(1) == labels[1000:]).mean())

    assert read(Grounded) > 0.15 > 0.13 > read(Shapes)
