"""Arrays with named axes: JSON and tables both ways, and every array of the published results."""

import json
import math

import numpy as np
import pytest

from seelike.results import json_text
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import list_results
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS

PUBLISHED = [
    pytest.param(entry, id=f"{path.stem}-{measure}-{role}")
    for path in list_results(RESULTS / "pocket")
    for measure, models in json.loads(path.read_text())["measures"].items()
    for role, entry in models.items()
    if not measure.endswith("_random")
]


def same(one: LabelledArray, other: LabelledArray) -> bool:
    rest = [(each.units, each.boundaries, each.uniform) for each in (one, other)]
    order = list(one.axes) == list(other.axes) and one.axes == other.axes
    return order and np.array_equal(one.values, other.values, equal_nan=True) and rest[0] == rest[1]


@pytest.mark.parametrize("entry", PUBLISHED)
def test_published_arrays_go_both_ways(entry):
    array = LabelledArray.of(entry)
    assert json_text.plain(array.entry()) == entry
    assert same(LabelledArray.from_json(array.to_json()), array)
    assert same(LabelledArray.from_dataframe(array.to_dataframe()), array)


def test_a_table_has_the_last_axis_along_its_columns():
    array = LabelledArray({"block": ["a", "b"], "head": [0, 1, 2]}, np.arange(6).reshape(2, 3), "px", [1])
    table = array.to_dataframe()
    assert table.loc["b", 1] == 4 and (table.index.name, table.columns.name) == ("block", "head")
    assert table.attrs == {"units": "px", "stage_ends": [1]}
    three = LabelledArray({"x": [0, 1], "y": ["u", "v"], "z": [5]}, np.arange(4).reshape(2, 2, 1)).to_dataframe()
    assert three.loc[(1, "u"), 5] == 2
    assert LabelledArray({"x": ["a", "b"]}, [1, math.nan]).to_dataframe()["value"].isna().tolist() == [False, True]


def test_a_file_keeps_six_decimals_and_what_is_not_known(tmp_path):
    array = LabelledArray({"x": ["a", "b"]}, [1 / 3, math.nan], "px", [], 0.5)
    loaded = LabelledArray.load(array.save(tmp_path / "new" / "array.json"))
    assert loaded.values[0] == 0.333333 and math.isnan(loaded.values[1])
    assert (loaded.units, loaded.boundaries, loaded.uniform) == ("px", [], 0.5)


def test_it_is_an_array_for_numpy():
    assert np.mean(LabelledArray({"x": ["a", "b"]}, [1, 3])) == 2


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], [1.0, 2.0, 3.0]])
def test_values_of_another_shape_are_refused(values):
    with pytest.raises(InputError, match=r"values .*\(2,\)"):
        LabelledArray({"x": ["a", "b"]}, values)


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"axes": {"x": ["a"]}}', '{"axes": 3, "values": []}'])
def test_other_json_is_refused(text, tmp_path):
    with pytest.raises(InputError, match="text must be JSON"):
        LabelledArray.from_json(text)
    (tmp_path / "array.json").write_text(text)
    with pytest.raises(InputError, match="array.json"):
        LabelledArray.load(tmp_path / "array.json")


def test_a_table_of_another_form_is_refused():
    table = LabelledArray({"x": [0, 1], "y": [0, 1], "z": [0]}, np.zeros((2, 2, 1))).to_dataframe()
    for other in (
        table.iloc[[1, 0, 2, 3]],
        table.iloc[:3],
        table.rename_axis(columns=None),
        table.reset_index(drop=True),
    ):
        with pytest.raises(InputError, match="table"):
            LabelledArray.from_dataframe(other)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="path"):
        LabelledArray({"x": ["a"]}, [1.0]).save(tmp_path / "file" / "array.json")
