"""The table of what each measure sees, and the numbers that the page on CKA cites."""

from seelike.results.labelled_array import LabelledArray
from seelike.tables import methods
from seelike.tables.methods import MEASURES, changes, positions


def test_a_tick_stands_where_a_measure_sees_nothing_and_a_number_elsewhere():
    array = LabelledArray(
        {"measure": ["cka", "rsa"], "change": ["rotated", "bent"]}, [[1.0, -0.25], [1 - 1e-9, 1 - 1e-5]]
    )
    assert changes(array).splitlines() == [
        "| A layer and itself … | CKA | RSA |",
        "| --- | ---: | ---: |",
        "| rotated | ✓ | ✓ |",
        "| bent | −0.25 | 1.00 |",
    ]


def test_positions_are_a_row_a_pair_and_where_they_are_unknown_the_page_says_so():
    axes = {"against": ["itself", "another"], "representation": ["flattened", "pooled"]}
    known = {"cka_by_position": {"vit": LabelledArray(axes, [[0.5, 1], [0.25, -0.125]])}}
    assert positions(known).splitlines()[2:] == ["| itself | 0.50 | 1.00 |", "| another | 0.25 | −0.12 |"]
    assert "not known" in positions({})


def test_untrained_networks_are_cited_where_they_saw_other_images():
    untrained = {"measure": ["cka"], "network": ["narrow", "wide"], "images": ["the same", "others"]}
    untrained["score"] = ["best", "chance", "calibrated"]
    values = [[[[0.9, 0.1, 0.8], [0.2, 0.2, 0.0]], [[0.9, 0.1, 0.8], [0.7, 0.6, 0.25]]]]
    found = methods._cite_measures({
        "measures_by_translation": {"vit": LabelledArray({"measure": ["cka"], "distance": [0, 8]}, [[1, 0.3]])},
        "measures_by_width": {"unrelated": LabelledArray({"measure": ["cka"], "width": [4, 8]}, [[0.1, 0.2]])},
        "untrained_best_match": {"vit": LabelledArray(untrained, values)},
    })  # fmt: skip
    assert found == {
        "cka_moved": 0.3, "cka_widest": 0.2, "cka_narrow": 0.2, "cka_narrow_calibrated": 0.0,
        "cka_wide": 0.7, "cka_wide_calibrated": 0.25,
    }  # fmt: skip
    assert MEASURES.keys() >= {"cka", "biased_cka"}
