"""Accuracies from cards: by hand, of several trainings, of images that models share, and where answers are missing."""

import numpy as np
import pytest

from seelike.chapters.answered import N_DRAWS, SCALES, compare, compare_all, find_accuracies
from seelike.measures.intervals import combine


def card(right: np.ndarray) -> dict:
    return {"classes": "1" * len(right), "answers": "".join("1" if each else "0" for each in right)}


def test_replicates_are_accuracies_without_each_group_of_images():
    right = np.arange(2 * N_DRAWS) >= 3  # wrong in the whole first group and in half of the second
    (found,) = find_accuracies({"a.shapes": card(right)}, "a.shapes")
    assert found[0] == pytest.approx(1 - 3 / 80)
    assert found[1:3] == pytest.approx([1 - 1 / 78, 1 - 2 / 78]) and len(found) == N_DRAWS + 1


def test_of_the_first_images_alone_others_do_not_count():
    right = np.arange(2 * N_DRAWS) < N_DRAWS
    cards = {"a": card(right)}
    assert find_accuracies(cards, "a", n_images=N_DRAWS)[0, 0] == 1
    assert find_accuracies(cards, "a", n_images=2 * N_DRAWS)[0] == pytest.approx(find_accuracies(cards, "a")[0])


def test_twins_are_found_by_their_names_alone():
    right = np.ones(N_DRAWS, bool)
    cards = {
        name: card(right) for name in ("a.shapes", "a.shapes_seed1", "a.shapes_seed12", "a.shapes_3pct", "b.shapes")
    }
    assert find_accuracies(cards, "a.shapes").shape == (3, N_DRAWS + 1)
    assert find_accuracies(cards, "a.cifar10") is None
    cards["a.shapes_seed1"].pop("answers")
    assert find_accuracies(cards, "a.shapes") is None


def test_what_models_answer_alike_has_no_variance_over_images(generator):
    right = np.random.default_rng(0).random(400) < 0.7
    both = {name: find_accuracies({"a": card(each)}, "a") for name, each in (("one", right), ("other", right))}
    same = combine(compare(both, {"one": 1, "other": -1}))
    assert (same.effect, same.low, same.high) == (0, 0, 0)
    alone = combine(compare(both, {"one": 1}))
    assert alone.effect == pytest.approx(right.mean()) and alone.low < alone.effect < alone.high
    assert compare(both | {"none": None}, {"one": 1, "none": -1}) is None and compare(both, {"missing": 1}) is None


@pytest.mark.parametrize(
    ("scale", "expected"), [("points", 0.75), ("odds", np.log(60.5 / 20.5)), ("errors", np.log(81 / 20.5))]
)
def test_other_scales_by_hand(scale, expected):
    found = find_accuracies({"a": card(np.arange(80) >= 20)}, "a", scale)
    assert found[0, 0] == pytest.approx(expected)


def test_all_right_is_finite_and_more_is_better_by_every_scale():
    for scale in SCALES:
        found = [find_accuracies({"a": card(np.arange(80) >= n)}, "a", scale)[0, 0] for n in (80, 40, 1, 0)]
        assert np.isfinite(found).all() and found == sorted(found)


def test_only_odds_mirror_right_and_wrong():
    right = np.arange(80) >= 20
    mirrored = {
        scale: np.isclose(*(find_accuracies({"a": card(each)}, "a", scale)[0, 0] for each in (right, ~right)))
        for scale in SCALES
    }
    assert not any(mirrored.values())
    one, other = (find_accuracies({"a": card(each)}, "a", "odds")[0, 0] for each in (right, ~right))
    assert one == pytest.approx(-other)


def test_of_parts_those_are_compared_of_which_all_is_known():
    known = {"a": np.ones((2, 3)), "b": np.full((2, 3), 4.0), "c": None}
    found = compare_all(known, {"X1": {"a": 1, "b": -1}, "X2": {"a": 1, "c": -1}, "X3": {"d": 1}})
    assert found.keys() == {"X1"}
    np.testing.assert_array_equal(sum(found["X1"].values()), np.full((2, 3), -3.0))
