"""The share of accuracy that is kept, by hand and where nothing can be lost."""

import numpy as np
import pytest

from seelike.measures.kept import INTACT, WAYS, Kept

HALF, ALL = ("dropped", 0.5), ("dropped", 1.0)


def make(changed, intact, chance=0.1) -> Kept:
    return Kept({INTACT: np.array(intact), HALF: np.array(changed)}, chance)


def test_a_half_of_what_a_model_can_do_beyond_chance():
    kept = make([0.4, 0.6], [0.8, 1.0])
    assert kept.share(HALF) == pytest.approx([0.4 / 0.8, 0.5 / 0.9, 0.3 / 0.7])
    assert kept.share(INTACT) == pytest.approx([1.0, 1.0, 1.0])


def test_all_none_and_less_than_none():
    for changed, share in ((0.9, 1.0), (0.1, 0.0), (0.02, -0.1)):
        assert make([changed] * 8, [0.9] * 8).share(HALF) == pytest.approx([share] * 9)


def test_a_share_is_the_same_for_a_model_that_can_do_half_as_much():
    changed, intact = np.array([0.3, 0.5, 0.7]), np.array([0.7, 0.8, 0.9])
    expected = make(changed, intact).share(HALF)
    assert make(0.1 + (changed - 0.1) / 2, 0.1 + (intact - 0.1) / 2).share(HALF) == pytest.approx(expected)
    assert make(changed / 2, intact / 2).share(HALF) != pytest.approx(expected)


def test_the_share_of_several_conditions_is_the_mean_of_theirs():
    kept = make([0.3, 0.5, 0.7], [0.7, 0.8, 0.9]).beside({ALL: np.array([0.1, 0.2, 0.3])})
    assert kept.share(HALF, ALL) == pytest.approx((kept.share(HALF) + kept.share(ALL)) / 2)


def test_who_knows_nothing_has_nothing_to_lose():
    assert np.isnan(make([0.1] * 8, [0.15] * 8).share(HALF)).all()
    nothing = Kept.nothing([HALF], 8)
    assert not nothing.is_known and make([0.1], [0.9]).is_known
    assert np.isnan(nothing.share(HALF)).all() and len(nothing.share(HALF)) == 9


def test_arrays_hold_what_was_measured():
    kept = make([0.5, 0.5], [0.9, 0.9])
    array = kept.array("share", {0.5: HALF, 1.0: ALL})
    assert array.axes == {"share": [0.5]} and array.values == pytest.approx([0.5])
    assert kept.intact_array().values == pytest.approx([0.9])


@pytest.mark.parametrize(
    ("way", "expected"), [("share", 0.4 / 0.8), ("raw", 0.5 / 0.9), ("lost", -0.4), ("accuracy", 0.5)]
)
def test_what_is_kept_can_be_told_in_four_ways(way, expected):
    assert make([0.5] * 8, [0.9] * 8).share(HALF, way=way) == pytest.approx([expected] * 9)


def test_only_shares_ask_for_something_to_lose():
    changed, intact = [0.1] * 8, [0.15] * 8
    undefined = {way: np.isnan(make(changed, intact).share(HALF, way=way)).all() for way in WAYS}
    assert undefined == {"share": True, "raw": True, "lost": False, "accuracy": False}


def test_only_the_share_above_chance_is_the_same_for_a_model_that_can_do_half_as_much():
    changed, intact = np.array([0.3, 0.5, 0.7]), np.array([0.7, 0.8, 0.9])
    one, other = make(changed, intact), make(0.1 + (changed - 0.1) / 2, 0.1 + (intact - 0.1) / 2)
    assert [way for way in WAYS if np.allclose(one.share(HALF, way=way), other.share(HALF, way=way))] == ["share"]
