"""The drawings: a pure function, balanced, with cues as reliable as promised."""

import hashlib
from itertools import combinations

import numpy as np
import pytest

from seelike.images import shapes
from seelike.images.drawings import SPLITS
from seelike.images.shapes import (
    CLASS_CUES,
    CONFLICTS,
    CUES,
    REGROUPED_CUES,
    RELIABILITY,
    Conflicts,
    Regrouped,
    Shapes,
    best_accuracy,
    choose_cues,
    draw,
)


def test_pure_function_of_seed_split_and_index():
    one, same = draw(7, "train", 1), draw(7, "train", 1)
    np.testing.assert_array_equal(one.image, same.image)
    assert (one.label, one.center, one.radius) == (same.label, same.center, same.radius)
    for other in (draw(17, "train", 1), draw(7, "test", 1), draw(7, "train", 2)):
        assert not np.array_equal(one.image, other.image)


def test_cues_can_be_had_without_the_drawing():
    for index in (0, 7, 23):
        drawing = draw(index, "test", 1)
        assert choose_cues(index, "test", 1) == [drawing.outline, drawing.texture, drawing.hue]


def test_pixels_are_those_that_the_bundled_models_learned_from():
    """If this changes, the models must be trained anew, and every pocket result computed anew."""
    pixels = b"".join(draw(i, split).image.tobytes() for split in SPLITS for i in range(10))
    assert hashlib.sha256(pixels).hexdigest() == "71fc5f365fb13600bd0208ae79c3788f6f8dc51e31152ac87982f51a19cec7af"


def test_what_is_known_of_a_drawing():
    for i in range(200):
        drawing = draw(i)
        assert drawing.image.shape == (56, 56, 3) and drawing.image.dtype == np.uint8
        assert drawing.label == i % 10
        low, high = shapes.OBJECT_RADIUS
        assert low <= drawing.radius <= high
        assert all(drawing.radius <= c <= 56 - drawing.radius for c in drawing.center)


def test_the_object_is_where_it_is_said_to_be(monkeypatch):
    """Drawn again without its object, an image differs around the object's centre alone."""
    paint = shapes._paint
    for i in range(10):
        drawing = draw(i)

        def paint_small(canvas, rng, center, radius, *cues, object_radius=drawing.radius):
            return paint(canvas.copy() if radius == object_radius else canvas, rng, center, radius, *cues)

        monkeypatch.setattr(shapes, "_paint", paint_small)
        without = draw(i).image
        monkeypatch.setattr(shapes, "_paint", paint)
        y, x = np.nonzero((without != drawing.image).any(-1))
        distance = np.hypot(x + 0.5 - drawing.center[0], y + 0.5 - drawing.center[1])
        assert distance.max() <= 1.6 * drawing.radius + 1
        assert len(x) > 0.5 * np.pi * drawing.radius**2


def test_a_mask_holds_the_pixels_that_change_with_the_hue_of_the_object(monkeypatch):
    """Oracle: the scene drawn again with another hue. Beyond the mask only antialiased edges change."""
    paint = shapes._paint
    for i in range(20):
        drawing = draw(i)

        def paint_other(canvas, rng, center, radius, outline, texture, hue, object_radius=drawing.radius):
            return paint(canvas, rng, center, radius, outline, texture, (hue + 2 * (radius == object_radius)) % 5)

        monkeypatch.setattr(shapes, "_paint", paint_other)
        other = draw(i)
        monkeypatch.setattr(shapes, "_paint", paint)
        changed = (other.image != drawing.image).any(-1)
        assert drawing.mask.dtype == bool and (drawing.mask == other.mask).all()
        assert (changed & drawing.mask).sum() >= 0.99 * drawing.mask.sum()
        near = np.lib.stride_tricks.sliding_window_view(np.pad(drawing.mask, 2), (5, 5)).any((-2, -1))
        assert not (changed & ~near).any()


def test_the_mask_of_a_disk_is_the_disk():
    mask = shapes._paint(np.zeros((56, 56, 3)), np.random.default_rng(0), (20.0, 30.0), 15.0, 0, 0, 0)
    y, x = np.mgrid[:56, :56] + 0.5
    np.testing.assert_array_equal(mask, np.hypot(x - 20, y - 30) < 15)


def test_what_lies_in_front_is_cut_out_of_the_mask(monkeypatch):
    monkeypatch.setattr(shapes, "N_IN_FRONT", 0)
    whole = [draw(i).mask for i in range(50)]
    monkeypatch.setattr(shapes, "N_IN_FRONT", 1)
    cut = [draw(i).mask for i in range(50)]
    assert not any((part & ~all_of_it).any() for part, all_of_it in zip(cut, whole, strict=True))
    smaller = [part.sum() < all_of_it.sum() for part, all_of_it in zip(cut, whole, strict=True)]
    assert 5 < sum(smaller) < 45


@pytest.mark.parametrize("index", range(5))
def test_all_outlines_have_about_the_same_area(index):
    """Size must not tell the class."""
    canvas = np.zeros((56, 56, 3))
    mask = shapes._paint(canvas, np.random.default_rng(0), (28.0, 28.0), 15.0, index, 0, 0)
    assert (canvas.sum(-1) > 0).sum() == pytest.approx(np.pi * 15**2, rel=0.15)
    assert mask.sum() == pytest.approx(np.pi * 15**2, rel=0.05)


def test_every_value_of_a_cue_is_shared_by_two_classes_and_every_pair_by_one():
    for cue in range(3):
        assert np.bincount(CLASS_CUES[:, cue]).tolist() == [2] * 5
    for pair in combinations(range(3), 2):
        assert len({tuple(row) for row in CLASS_CUES[:, pair]}) == 10


def test_cues_are_as_reliable_as_promised():
    drawings = [draw(i, "train") for i in range(2000)]
    for axis, cue in enumerate(CUES):
        own = np.mean([getattr(d, cue) == CLASS_CUES[d.label, axis] for d in drawings])
        assert own == pytest.approx(RELIABILITY[cue], abs=0.04)


def test_best_accuracy_agrees_with_counting():
    """Oracle: the share of drawings whose most likely class, given its cues, is the label."""
    rng = np.random.default_rng(0)
    labels = np.arange(20000) % 10
    seen = np.stack([
        np.where(rng.random(20000) < RELIABILITY[cue], CLASS_CUES[labels, a],
                 (CLASS_CUES[labels, a] + rng.integers(1, 5, 20000)) % 5)
        for a, cue in enumerate(CUES)
    ])  # fmt: skip
    score = sum(
        np.log(np.where(CLASS_CUES[:, a] == seen[a][:, None], RELIABILITY[cue], (1 - RELIABILITY[cue]) / 4))
        for a, cue in enumerate(CUES)
    )
    assert (score.argmax(1) == labels).mean() == pytest.approx(best_accuracy(), abs=0.01)


def test_no_cue_suffices_alone_and_local_cues_need_the_outline():
    assert all(best_accuracy((cue,)) <= 0.5 for cue in CUES)
    assert best_accuracy(("texture", "hue")) < best_accuracy() - 0.2


def test_regrouped_classes_join_what_no_class_of_shapes_joins():
    for cue in range(3):
        assert np.bincount(REGROUPED_CUES[:, cue]).tolist() == [2] * 5
    for pair in combinations(range(3), 2):
        regrouped, own = ({tuple(row) for row in cues[:, pair]} for cues in (REGROUPED_CUES, CLASS_CUES))
        assert len(regrouped) == 10 and not regrouped & own
    assert not set(Regrouped.classes) & set(Shapes.classes)


def test_regrouped_shows_another_object_in_the_same_scene():
    own, other = Shapes("test").drawing(3), Regrouped("test").drawing(3)
    assert (own.center, own.radius, own.label) == (other.center, other.radius, other.label)
    assert (own.texture, own.hue) != (other.texture, other.hue)
    corner = np.s_[:4, :4] if own.center[0] + own.center[1] > 56 else np.s_[-4:, -4:]
    np.testing.assert_array_equal(own.image[corner], other.image[corner])


def test_conflicts_join_each_outline_with_each_texture_that_no_class_has_it_with():
    pairs, own = ({tuple(row) for row in cues.tolist()} for cues in (CONFLICTS, CLASS_CUES[:, :2]))
    assert len(pairs) == 15 and not pairs & own
    assert all(np.bincount(CONFLICTS[:, cue]).tolist() == [3] * 5 for cue in (0, 1))


def test_the_cues_of_a_conflict_are_as_drawn_and_its_hue_takes_no_side():
    drawings = [Conflicts().drawing(i) for i in range(900)]
    assert [d.label for d in drawings[:16]] == [*range(15), 0]
    assert all((d.outline, d.texture) == tuple(CONFLICTS[d.label]) for d in drawings)
    hues = np.array([d.hue for d in drawings])
    assert np.bincount(hues) / 900 == pytest.approx(np.full(5, 0.2), abs=0.05)
    for axis, cue in enumerate(("outline", "texture")):
        speaks = [(CLASS_CUES[CLASS_CUES[:, axis] == getattr(d, cue), 2] == d.hue).any() for d in drawings]
        assert np.mean(speaks) == pytest.approx(0.4, abs=0.05)


def test_conflicts_are_scenes_of_their_own():
    one, same = shapes.draw_conflict(4, "test", 1), shapes.draw_conflict(4, "test", 1)
    np.testing.assert_array_equal(one.image, same.image)
    assert not np.array_equal(one.image, shapes.draw_conflict(4, "test", 2).image)
    assert one.center != draw(4, "test", 1).center
    pixels, classes = Conflicts("test", 1)[4]
    np.testing.assert_array_equal(pixels, one.image)
    assert classes == 4 and len(Conflicts.classes) == len(set(Conflicts.classes)) == 15
