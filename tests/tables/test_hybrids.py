"""Where systems stand, in words: sides, what is left out and why, a row for each trait."""

import numpy as np
import pytest

from seelike.chapters.traits import TRAITS as MEASURED
from seelike.results.labelled_array import LabelledArray
from seelike.tables import hybrids
from seelike.tables.hybrids import NO_SCALE, NOT_MEASURED, TRAITS

NAN = [np.nan] * 3
PLACES = [[1.0, 0.8, 1.2], [0.5, 0.4, 0.6], NAN, [0.2, 0.1, 0.3], NAN, [0.5, -3.0, 4.0]]


def make_measures() -> dict:
    values = ["place", "low", "high"]
    traits, roles = list(TRAITS), ["vit", "cnn", "mine"]
    places = LabelledArray({"trait": traits, "value": values}, PLACES)
    untrained = LabelledArray({"trait": traits, "value": values}, PLACES[::-1])
    scores = LabelledArray({"model": roles, "trait": traits, "value": values}, np.full((3, 6, 3), 0.25))
    depths = LabelledArray({"end": roles[:2], "value": values}, [[0.5, 0.4, 0.6], [0.25, np.nan, np.nan]])
    distances = LabelledArray({"block": list("abc"), "head": [0, 1]}, [[2, 8], [4, 10], [5, 5]], uniform=10.0)
    return {
        "place": {"mine": places},
        "place_random": {"mine": untrained},
        "score": {"mine": scores},
        "equal_depth_cka": {"mine": depths},
        "equal_depth_cka_random": {"mine": depths},
        "unmeasured": {"mine": LabelledArray({"reason": ["mine has no stages", "mine must have heads"]}, [2, 6])},
        "attention_distance": {"vit": distances, "mine": distances},
        "twin_place": {"vit": LabelledArray({"value": ["place"]}, [0.78])},
    }


def test_every_trait_that_is_measured_has_a_name():
    assert tuple(TRAITS) == MEASURED


def test_sides_tell_what_is_not_measured_from_ends_that_do_not_differ():
    sides = hybrids.find_sides(make_measures(), "mine")
    said = ["like the ViT", "nearer to neither", NOT_MEASURED, "like the CNN", NO_SCALE, "not shown"]
    assert sides == dict(zip(TRAITS, said, strict=True))
    assert list(hybrids.find_sides(make_measures(), "mine", "_random").values())[::-1][2] == NO_SCALE


def test_the_answer_has_a_line_for_each_system_with_each_trait_once():
    answer, _, line = hybrids.answer(make_measures()).splitlines()
    assert answer == "**The answer.** Of 6 {ref}`traits <hybrids-traits>` by which this book compares a ViT and a CNN:"
    assert line.startswith(
        "- `mine` is **like the ViT** in *CKA at equal depth*; **like the CNN** in *skip against branch*;"
    )
    assert all(line.count(name) == 1 for name in TRAITS.values())


def test_bundled_systems_bear_the_names_of_their_papers():
    measures = {"place": {"hlg_pocket_56.dense_shapes": make_measures()["place"]["mine"]}}
    assert hybrids.answer(measures).splitlines()[2].startswith("- HLG (`hlg_pocket_56.dense_shapes`) is **like")
    assert hybrids.find_system("duoformer_pocket_56=random") == "DuoFormer" and not hybrids.find_system("hlg_small")


def test_rows_are_traits_with_the_numbers_of_all_three():
    rows = hybrids.standing(make_measures()).splitlines()
    assert len(rows) == 2 + len(TRAITS)
    first, staged = (row.replace("\N{NO-BREAK SPACE}", " ") for row in (rows[2], rows[4]))
    assert first.startswith("| mine | CKA at equal depth | **like the ViT** | 1.00 [0.80, 1.20] | 0.25 [0.25, 0.25] |")
    assert first.endswith("| not shown |")
    assert staged.startswith("| mine | steps between stages | **not measured** | – |")


def test_what_is_left_out_is_said_with_its_reason():
    assert hybrids.unmeasured(make_measures()).splitlines() == [
        "- mine, **steps between stages**: mine has no stages.",
        "- mine, **attention distance**: it would have to have heads.",
    ]
    measures = make_measures()
    del measures["unmeasured"]
    assert hybrids.unmeasured(measures) == "Every trait was measured of every system."


def test_heads_are_told_in_units_of_uniform_distance():
    rows = hybrids.attention(make_measures()).splitlines()
    assert rows[2:] == ["| ViT | 0.20 to 1.00 | 0.40 to 1.00 |", "| mine | 0.20 to 1.00 | 0.40 to 1.00 |"]


def test_cka_at_equal_depth_has_no_interval_where_there_is_none():
    row = hybrids.equal_depth(make_measures()).splitlines()[2].replace("\N{NO-BREAK SPACE}", " ")
    assert row == "| mine | 0.50 [0.40, 0.60] | 0.25 | 0.50 [0.40, 0.60] | 0.25 |"


def test_prose_cites_both_ends_and_the_twins_that_there_are():
    assert hybrids.phrases(make_measures()) == {
        "alike_ends": "0.75",
        "twin_place_vit": "0.78",
        "twin_place_cnn": "–",
    }


@pytest.mark.parametrize("estimate", [(np.nan, np.nan, np.nan)])
def test_what_is_not_known_is_a_dash(estimate):
    assert hybrids.tell(np.array(estimate)) == "–"
