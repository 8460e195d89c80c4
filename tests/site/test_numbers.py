"""The numbers beside a figure are those that it draws: all of them, and no others."""

import ast
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from handmade import result
from PIL import Image

from seelike.figures.style import use_style
from seelike.results.claims import AROUND, CLAIMS, OF_PAPER
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result
from seelike.results.runs import PHOTOGRAPHS, read_published
from seelike.results.scorecard import gather
from seelike.site import numbers
from seelike.site.unmeasured import leave_out
from seelike.system.paths import BOOK, RESULTS

PUBLISHED = numbers.read_results(RESULTS)


def list_measured(notebook: Path) -> set[str]:
    """The labels of figures that are on the page."""
    page = leave_out(nbformat.read(notebook, as_version=4), PUBLISHED.get(f"{notebook.stem}/pocket"))
    return {cell.metadata.get("mystnb", {}).get("figure", {}).get("name") for cell in page.cells}


FIGURES = {
    label: (notebook, named)
    for notebook in sorted(BOOK.glob("*.ipynb"))
    for label, named in numbers.read_named(notebook).items()
    if label in list_measured(notebook)
}


class Watched(LabelledArray):
    """A labelled array that notes when its values are asked for."""

    def __getattribute__(self, name: str):
        if name == "values" and "note" in vars(self):
            self.note()
        return super().__getattribute__(name)


def watch(result: Result, seen: set) -> Result:
    for measure, arrays in result.measures.items():
        for model, array in arrays.items():
            watched = Watched(**vars(array))
            vars(watched)["note"] = partial(seen.add, f"{result.chapter}/{result.profile} {measure}/{model}")
            arrays[model] = watched
    return result


def draw(notebook, label: str, seen: set) -> None:
    """Run the cell that draws a figure, on published results."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    space = {"display": lambda *_: None}
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, space)
        elif "install" not in cell.metadata.get("tags", []):
            imports = [line for line in ast.parse(cell.source).body if isinstance(line, (ast.Import, ast.ImportFrom))]
            exec(compile(ast.Module(imports, []), label, "exec"), space)
    published = {run: watch(result, seen) for run, result in read_published(notebook.stem, RESULTS).items()}
    if published:
        space |= {"published": published, "result": published["pocket"], "measures": published["pocket"].measures}
    pictures = [(Image.new("RGB", (56, 56)), 0)] * 320
    space |= {"found": gather(RESULTS), "around": gather(RESULTS, AROUND), "run": SimpleNamespace(images=pictures)}
    if notebook.stem == "intro":
        known = {"uniformity": {run: watch(r, seen) for run, r in read_published("uniformity", RESULTS).items()}}
        space["runs"] = SimpleNamespace(PHOTOGRAPHS=PHOTOGRAPHS, read_published=lambda chapter, _: known[chapter])
    cell = next(c for c in cells if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == label)
    exec(cell.source, space)


@pytest.mark.parametrize("label", FIGURES)
def test_a_figure_draws_the_arrays_that_its_cell_names_and_no_others(label):
    notebook, named = FIGURES[label]
    use_style()
    seen = set()
    draw(notebook, label, seen)
    assert plt.get_fignums()
    plt.close("all")
    found = numbers.find(named, PUBLISHED)
    assert seen == {f"{a.chapter}/{a.scale} {a.measure}/{a.model}" for a in found.arrays}


def test_figures_of_effects_name_claims():
    effects = [label for label in FIGURES if label.endswith("-effects")]
    assert len(effects) >= 8
    for label in effects:
        found = numbers.find(FIGURES[label][1], PUBLISHED)
        assert not found.arrays and len(found.rows) > 1


@pytest.mark.parametrize(
    ("label", "claims"), [("fig-intro", OF_PAPER), ("fig-scorecard", OF_PAPER), ("fig-around", AROUND)]
)
def test_figures_of_the_scorecard_name_every_claim_that_is_published(label, claims):
    found = numbers.find(FIGURES[label][1], PUBLISHED)
    entries = [entry for claims in gather(RESULTS, claims).values() for entry in claims.values()]
    assert len(found.rows) == sum(len(entry["parts"]) for entry in entries)


def test_claims_can_be_named_by_their_table(monkeypatch):
    known = {"uniformity/pocket": result()}
    monkeypatch.setattr(numbers, "TABLES", numbers.TABLES | {"claims around the paper": {"U3": CLAIMS["U3"]}})
    assert numbers.find({"*": ["claims around the paper"]}, known).rows["part"].tolist() == ["U3a", "U3b"]
    assert len(numbers.find({"*": ["claims of the paper"]}, known).rows) == 3


def test_a_claim_has_a_row_for_every_part_with_all_its_numbers_and_what_they_cover():
    rows = numbers.find({"uniformity/pocket": ["claims"]}, {"uniformity/pocket": result()}).rows
    assert rows["part"].tolist() == ["U1", "U3a", "U3b"] and rows["claim"].tolist() == ["U1", "U3", "U3"]
    assert rows["covers"].tolist() == ["images and trainings", "images", "images"]
    first = rows.iloc[0]
    assert (first["effect"], first["effect_low"], first["training_high"], first["p"]) == (0.5, 0.4, 0.6, 0.001)
    assert (first["trainings"], first["verdict"], first["control_verdict"]) == ("vit 3, cnn 3", "holds", "inconclusive")


def test_of_a_matrix_that_is_the_same_both_ways_each_pair_is_told_once():
    values = np.array([[1, 0.25], [0.25, 1]])
    skewed = values + np.array([[0, 0.1], [0, 0]])
    tables = [
        numbers.Array("uniformity", "pocket", "cka", "vit", LabelledArray({"layer": rows, "other": ["a", "b"]}, of))
        for rows, of in ((["a", "b"], values), (["a", "c"], values), (["a", "b"], skewed))
    ]
    pairs, *whole = (table.tabulate() for table in tables)
    assert pairs[["layer", "other"]].values.tolist() == [["a", "a"], ["a", "b"], ["b", "b"]]
    assert [len(each) for each in whole] == [4, 4]


def test_a_small_array_has_a_row_a_value_with_its_labels():
    labelled = LabelledArray({"layer": ["a", "b"], "head": [0, 1, 2]}, np.arange(6.0).reshape(2, 3))
    table = numbers.Array("uniformity", "pocket", "cka", "vit", labelled).tabulate()
    assert list(table.columns) == ["measure", "array", "layer", "head", "value"]
    assert table[(table["layer"] == "b") & (table["head"] == 1)]["value"].tolist() == [4.0]


def test_an_array_of_many_columns_stays_a_matrix():
    labels = [f"layer{i}" for i in range(numbers.MOST_ROWS + 1)]
    values = np.arange(4.0 * len(labels)).reshape(2, 2, -1)
    labelled = LabelledArray({"layer": ["a", "b"], "y": [0, 1], "x": labels}, values)
    table = numbers.Array("uniformity", "pocket", "cka", "vit", labelled).tabulate()
    assert list(table.columns) == ["measure", "array", "layer", "y \\ x", *labels]
    assert table[(table["layer"] == "b") & (table["y \\ x"] == 0)][labels].values.tolist() == [values[1, 0].tolist()]
    alone = LabelledArray({"x": labels}, np.zeros(len(labels)))
    assert len(numbers.Array("uniformity", "pocket", "cka", "vit", alone).tabulate()) == len(labels)


def test_every_figure_can_write_its_numbers(tmp_path):
    for label, (_, named) in FIGURES.items():
        numbers.find(named, PUBLISHED).write(tmp_path / f"{label}.csv")
        assert len(pd.read_csv(tmp_path / f"{label}.csv", dtype=str)) > 1


def test_files_hold_every_number_of_the_result(tmp_path):
    found = numbers.find({"uniformity/pocket": ["cka/vit_cnn"]}, PUBLISHED)
    found.write(tmp_path / "numbers" / "fig.csv")
    array = read_published("uniformity", RESULTS)["pocket"].measures["cka"]["vit_cnn"]
    matrix = pd.read_csv(tmp_path / "numbers" / "fig.csv", index_col="vit_layer \\ cnn_layer")
    matrix = matrix.loc[array.axes["vit_layer"], array.axes["cnn_layer"]]
    np.testing.assert_allclose(matrix.to_numpy(), array.values)


def test_what_is_not_defined_is_an_empty_cell(tmp_path):
    array = numbers.Array("mixer", "pocket", "cka", "vit", LabelledArray({"block": ["a", "b"]}, [np.nan, 0.5]))
    numbers.Numbers((array,), pd.DataFrame(), ("mixer/pocket",)).write(tmp_path / "fig.csv")
    assert (tmp_path / "fig.csv").read_text().splitlines()[1] == "cka,vit,a,"


def test_a_result_that_is_not_there_is_left_out_and_an_array_that_is_not_is_no_key(tmp_path):
    assert numbers.find({"uniformity/pocket": ["cka"]}, numbers.read_results(tmp_path)).sources == ()
    with pytest.raises(KeyError):
        numbers.find({"uniformity/pocket": ["no_such_measure"]}, PUBLISHED)


def test_an_axis_may_be_called_as_a_column_of_the_table_is():
    labelled = LabelledArray({"measure": ["CKA"], "value": ["low", "high"]}, np.array([[0.1, 0.3]]))
    table = numbers.Array("hybrids", "pocket", "place", "vit", labelled).tabulate()
    assert table.to_dict("list") == {
        "measure": ["place"] * 2,
        "array": ["vit"] * 2,
        "similarity measure": ["CKA"] * 2,
        "quantity": ["low", "high"],
        "value": [0.1, 0.3],
    }
