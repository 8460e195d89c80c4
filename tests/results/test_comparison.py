"""Two results side by side: what differs, what only one holds, and how they are called."""

import math
from pathlib import Path

import numpy as np
import pytest
from handmade import claim, part, result

from seelike.results.comparison import compare, name_apart, report
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result
from seelike.system.errors import InputError


def make(shift: float = 0.0, layers=("a", "b"), chapter: str = "uniformity") -> Result:
    """A result of one array and one claim, by hand."""
    entry = LabelledArray({"layer": list(layers), "other": list(layers)}, np.eye(2) + shift)
    found = part(0.25 + shift, interval=[0.2, 0.3], training=0.25, training_interval=[0.2, 0.3])
    models = {"models": {role: {"name": f"some_{role}", "origin": "hub"} for role in ("vit", "cnn")}}
    return Result(chapter, "mine", {}, models, {"cka": {"vit": entry}}, {"U1": claim("U1", found)})


def test_the_largest_difference_is_that_of_the_worst_entry():
    assert compare(make(), make()).differences == {"cka.vit": 0, "U1": 0}
    other = make()
    other.measures["cka"]["vit"].values[0, 1] -= 0.5
    assert compare(make(), other).differences == {"cka.vit": pytest.approx(0.5), "U1": 0}
    assert compare(make(), make()).agree(0) and not compare(make(), other).agree(0.49)
    assert compare(make(), other).agree(0.51)


def test_defined_in_one_alone_is_infinitely_far_and_in_neither_no_difference():
    one, other = make(), make()
    other.claims["U1"]["parts"]["U1"]["effect"] = None
    other.measures["cka"]["vit"].values[1, 1] = math.nan
    assert compare(one, other).differences == {"cka.vit": math.inf, "U1": math.inf}
    assert compare(other, other).differences == {"cka.vit": 0, "U1": 0}


@pytest.mark.parametrize("kind", ["effect", "control", "training"])
def test_every_number_of_every_part_counts(kind):
    one, other = (result(U3=claim("U3", part(0.3), part(0.2))) for _ in range(2))
    other.claims["U3"]["parts"]["U3b"][kind] += 0.02
    assert compare(one, other).differences["U3b"] == pytest.approx(0.02)
    assert compare(one, other).differences["U3a"] == 0


def test_a_verdict_or_what_its_interval_covers_can_change_though_no_number_does():
    one, other = result(U3=claim("U3", part(), part())), result(U3=claim("U3", part(), part(verdict="weak")))
    assert compare(one, other).verdicts == ("U3b",) and not compare(one, other).agree(1)
    more = result(U3=claim("U3", part(), part(), trainings=3))
    assert compare(one, more).verdicts == ("U3a", "U3b") and compare(one, one).agree(0)


def test_other_layers_and_what_one_lacks_stand_apart_and_never_agree():
    found = compare(make(), make(layers=("a", "c")))
    assert found.apart == ("cka.vit",) and found.differences == {"U1": 0}
    assert not found.agree(math.inf)
    less = make()
    less.claims.clear()
    assert compare(make(), less).apart == ("U1",)
    assert compare(less, make()).apart == ("U1",)


def test_results_of_two_chapters_are_refused():
    with pytest.raises(InputError, match="RESULT must be two results of one chapter, not of uniformity and mixer"):
        compare(make(), make(chapter="mixer"))


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("results/pocket/mixer.json", "results/mine/mixer.json", ("pocket", "mine")),
        ("results/pocket/mixer.json", "_build/results/pocket/mixer.json", ("results/pocket", "_build/results/pocket")),
        ("a.json", "b.json", ("a", "b")),
        ("a.json", "a.json", ("a.json", "a.json (again)")),
    ],
)
def test_files_are_called_by_what_tells_them_apart(one, other, names):
    found = name_apart(Path(one), Path(other))
    assert len(set(found)) == 2
    assert found[0].endswith(names[0]) and found[1].endswith(names[1])


def test_the_report_has_both_effects_intervals_verdicts_and_models():
    text = report(make(), make(0.5), ("one", "other"), compare(make(), make(0.5)))
    assert "some_vit" in text and "cnn some_cnn" in text
    (line,) = (line for line in text.splitlines() if line.startswith("U1"))
    assert "0.250 [0.200, 0.300] over images: holds" in line and "0.750" in line and "5.00e-01" in line
    less = make()
    less.claims.clear()
    assert "not measured" in report(make(), less, ("one", "other"), compare(make(), less))
