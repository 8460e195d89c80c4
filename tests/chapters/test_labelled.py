"""Trainings that label pixels: what toy cards say of H4 and H5 by hand, what is missing, and every choice."""

from types import SimpleNamespace

import numpy as np
import pytest

from seelike.chapters import labelled
from seelike.chapters.answered import SCALES
from seelike.chapters.labelled import ALONE, BOTH, DESIGNS, OVERLAPS, PLAIN, RANDOM, TRUTH, read_labelled, vary_labelled
from seelike.images.shapes import Shapes
from seelike.models import bundled
from seelike.models.recipes import DENSE
from seelike.results.claims import CLAIMS

GROUPS = 10
N_IMAGES = 400
# Of ten cells of each label in every group so many are right, and of ten classes; the others are taken for the next.
RIGHT = {BOTH: (9, 8), ALONE[0]: (5, 7), ALONE[1]: (7, 5), RANDOM: (6, 6), PLAIN: (4, 2)}


def make_card(cells: int, classes: int) -> dict:
    table = cells * np.eye(6, dtype=int) + (10 - cells) * np.roll(np.eye(6, dtype=int), 1, 1)
    truth = np.arange(N_IMAGES) % 10
    answers = np.where(np.arange(N_IMAGES) // 10 % 10 < classes, truth, (truth + 1) % 10)
    return {
        "answers": "".join(map(str, answers)),
        "classes": "".join(map(str, truth)),
        "patches": [table.tolist()] * GROUPS,
        "pixels": [(100 * table).tolist()] * GROUPS,
        "shown": {"3": "0" * 56 * 56, "11": str(cells % 6) * 56 * 56},
    }


@pytest.fixture
def toy(monkeypatch):
    """The cards of three trainings of each design, which differ in nothing."""
    cards = {
        f"{DESIGNS[name]}.dense_shapes{seed}": make_card(*right)
        for name, right in RIGHT.items()
        for seed in ("", "_seed1", "_seed2")
    }
    monkeypatch.setattr(bundled, "read_manifest", lambda: cards)
    return cards


def overlap(right: int) -> float:
    """The IoU of every label of a toy card."""
    return right / (20 - right)


def test_designs_are_those_that_are_trained():
    assert {f"{design}.{labelled.TAG}" for design in DESIGNS.values()} == DENSE.runs.keys()


def test_terms_by_hand(toy):
    terms = read_labelled(3).terms()
    effects = {part: sum(each[0, 0] for each in of.values()) for part, of in terms.items()}
    expected = {
        "H4a": overlap(9) - overlap(7),
        "H4b": 0.8 - 0.7,
        "H5": overlap(9) - overlap(4),
    }
    assert effects == pytest.approx(expected)
    assert [set(of) for of in terms.values()] == [
        {(BOTH,), (ALONE[1],)}, {(BOTH,), (ALONE[0],)}, {(BOTH,), (PLAIN,)},
    ]  # fmt: skip
    shapes = {part: {each.shape for each in of.values()} for part, of in terms.items()}
    assert shapes == {part: {(3, 41 if part == "H4b" else GROUPS + 1)} for part in terms}
    assert {part.id for claim in ("H4", "H5") for part in CLAIMS[claim].parts} == terms.keys()


def test_the_better_alone_is_that_of_the_mean_over_trainings(toy):
    toy[f"{DESIGNS[ALONE[0]]}.dense_shapes_seed1"] = make_card(9, 7)
    assert read_labelled(1)._find_better("patches") == read_labelled(3)._find_better("patches") == ALONE[1]
    toy[f"{DESIGNS[ALONE[0]]}.dense_shapes_seed1"] = make_card(10, 7)
    assert read_labelled(3)._find_better("patches") == ALONE[0]


def test_a_replicate_leaves_a_group_out(toy):
    tables = [np.eye(6, dtype=int)] * (GROUPS - 1) + [np.roll(np.eye(6, dtype=int), 1, 1)]
    toy[f"{DESIGNS[BOTH]}.dense_shapes"]["patches"] = [table.tolist() for table in tables]
    found = read_labelled(1).scores["patches"][BOTH][0]
    assert found[-1] == 1 and found[:-1] == pytest.approx([9 / 11] + [8 / 10] * (GROUPS - 1))


def drop(cards: dict, *designs: str) -> None:
    for name in list(cards):
        if name.partition(".")[0] in map(DESIGNS.get, designs):
            del cards[name]


def test_what_is_not_trained_is_left_out_and_nothing_known_without_the_pyramid(toy):
    drop(toy, RANDOM)
    found = read_labelled(3)
    assert found.terms().keys() == {"H4a", "H4b", "H5"} and "random_windows" not in found.arrays()
    drop(toy, ALONE[0])
    assert read_labelled(3).terms().keys() == {"H5"}
    drop(toy, BOTH)
    assert read_labelled(3) is None and list(vary_labelled(3)) == []


def test_random_windows_are_a_control_with_an_interval(toy):
    alike = read_labelled(3).arrays()["random_windows"]["patches"].values
    assert alike == pytest.approx([overlap(9) - overlap(6)] * 3)
    toy[f"{DESIGNS[RANDOM]}.dense_shapes_seed1"] = make_card(5, 6)
    effect, low, high = read_labelled(3).arrays()["random_windows"]["patches"].values
    assert low < effect < high and effect > overlap(9) - overlap(6)


def test_a_design_of_fewer_trainings_has_none_in_their_place(toy):
    del toy[f"{DESIGNS[PLAIN]}.dense_shapes_seed1"]
    values = read_labelled(3).arrays()["trained_labels"]["shapes"].values
    assert values.shape == (3, 5, 3) and np.isnan(values).sum() == 3 and np.isnan(values[:, 4, 2]).all()


def test_arrays_are_of_all_designs_and_trainings_and_of_single_drawings(toy):
    found = read_labelled(2).arrays()
    array = found["trained_labels"]["shapes"]
    assert list(map(list, array.axes.values())) == [["patches", "pixels", "classes"], list(DESIGNS), [1, 2]]
    assert array.values[:, 0, 0] == pytest.approx([overlap(9), overlap(9), 0.8])
    pixels = found["pixels"]
    assert list(pixels) == [TRUTH, *DESIGNS] and pixels[BOTH].values[1].min() == pixels[BOTH].values[1].max() == 3
    for index, values in zip(pixels[TRUTH].axes["image"], pixels[TRUTH].values, strict=True):
        drawing = Shapes("test").drawing(index)
        assert np.array_equal(values > 0, drawing.mask) and values.max() == 1 + drawing.outline


def test_the_truth_on_a_grid_loses_what_the_grid_cannot_show(toy, monkeypatch):
    y, x = np.mgrid[:56, :56]
    mask = np.hypot(y - 30, x - 22) < 13
    drawing = SimpleNamespace(mask=mask, outline=1)
    monkeypatch.setattr(labelled, "Shapes", lambda split: SimpleNamespace(drawing=lambda index: drawing))
    coarse, fine = read_labelled(1).arrays()["miou_of_grid"][TRUTH].values
    assert 0.8 < coarse < fine < 1
    mask[:] = True
    assert read_labelled(1).arrays()["miou_of_grid"][TRUTH].values.tolist() == [1, 1]


def test_before_training_nothing_is_known(toy):
    found = read_labelled(3).forget()
    trained = read_labelled(3).terms()
    assert found.arrays() == {} and found.terms().keys() == trained.keys()
    assert [of.keys() for of in found.terms().values()] == [of.keys() for of in trained.values()]
    assert all(np.isnan(each).all() for of in found.terms().values() for each in of.values())


def test_every_choice_is_made_of_all_that_hang_on_it_and_the_published_one_is_among_them(toy):
    found = list(vary_labelled(3))
    for claim in ("H4", "H5"):
        own = CLAIMS[claim].choices
        of_claim = [(choices, terms) for choices, terms in found if choices.keys() == own.keys()]
        assert len(of_claim) == 2 * len(OVERLAPS) * (len(SCALES) if claim == "H4" else 1)
        (published,) = (terms for choices, terms in of_claim if choices == own)
        assert published.keys() == {part.id for part in CLAIMS[claim].parts}
        expected = read_labelled(3).terms()
        for part, of in published.items():
            assert all(np.array_equal(each, expected[part][roles]) for roles, each in of.items())
    right = next(terms for choices, terms in found if choices == {"cells": "pixels", "overlap": "right"})
    assert sum(each[0, 0] for each in right["H5"].values()) == pytest.approx(0.9 - 0.4)
