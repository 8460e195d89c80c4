"""Tables of figures that no result file has: each row says what is drawn there."""

import nbformat
import pandas as pd
import pytest
from handmade import ROBUST, universe
from nbformat.v4 import new_code_cell, new_notebook, new_output

from seelike.figures.pocket import name_curves
from seelike.images.datasets import DRAWN
from seelike.models import bundled
from seelike.models.recipes import SHAPES
from seelike.results.claims import CLAIMS
from seelike.results.robustness import Outcome, Robust
from seelike.site import numbers
from seelike.tables import hand_out


@pytest.mark.parametrize("task", DRAWN)
def test_drawings_are_told_in_the_order_in_which_they_are_drawn(task):
    images = DRAWN[task]("validation")
    table = hand_out.drawings(images, 2)
    numbers = range(2 * len(images.classes))
    assert table["drawing"].tolist() == [*numbers]
    assert table["class"].tolist() == [images.classes[images[number][1]] for number in numbers]


def test_a_drawing_that_has_all_cues_of_its_class_bears_their_names():
    table = hand_out.drawings(DRAWN["shapes"]("validation"), 10)
    told = table["hue"] + " " + table["texture"] + " " + table["outline"]
    assert 0 < (told == table["class"]).sum() < len(table)


def test_answers_stand_beside_the_class_of_their_drawing():
    images = DRAWN["shapes"]("test")
    table = hand_out.answers(images, {"all right": [3], "divided": [0]}, {"ViT": [0, 1, 2, 3], "CNN": [9, 1, 2, 3]})
    assert table["drawing"].tolist() == [3, 0]
    assert (table["ViT"] == table["class"]).all()
    assert (table["CNN"] == table["class"]).tolist() == [True, False]


def test_learning_curves_end_where_the_manifest_says():
    manifest = bundled.read_manifest()
    names = {name for panel in name_curves(SHAPES).values() for name in panel.values()}
    table = hand_out.learning_curves(manifest, names)
    assert set(table["model"]) == names
    for name, rows in table.groupby("model"):
        assert rows["accuracy"].iloc[-1] == manifest[name]["curve"]["accuracy"][-1]


def test_every_run_of_the_benchmark_is_a_row():
    run = {"images": 64, "layers": 18, "batch": 16, "seconds": 0.5, "peak_mib": 700}
    table = hand_out.growth({"by_images": [run, {**run, "images": 128}], "by_layers": [run], "by_batch": [run]})
    assert table["varied"].tolist() == ["images", "images", "layers", "batch"]
    assert table["images"].tolist() == [64, 128, 64, 64] and (table["peak_mib"] == 700).all()


def test_the_page_takes_the_table_out_of_the_notebook_and_leaves_the_picture(tmp_path):
    data = {hand_out.MIME: {"data": [{"a": 1, "b": "x"}]}}
    picture = new_output("display_data", {"image/svg+xml": "<svg/>"})
    cell = new_code_cell("", outputs=[picture, new_output("display_data", data)])
    cell.metadata["mystnb"] = {"figure": {"name": "fig-toy"}}
    nbformat.write(new_notebook(cells=[cell, new_code_cell("")]), tmp_path / "page.ipynb")
    taken = numbers.take_handed_out(tmp_path / "page.ipynb")
    pd.testing.assert_frame_equal(taken["fig-toy"], pd.DataFrame({"a": [1], "b": ["x"]}))
    assert nbformat.read(tmp_path / "page.ipynb", as_version=4).cells[0].outputs == [picture]
    assert numbers.take_handed_out(tmp_path / "page.ipynb") == {}


def test_confusion_counts_every_image_once():
    found = hand_out.confusion({"ViT": {"classes": "0011", "answers": "0101"}}, ("cat", "dog"))
    assert found.to_dict("list") == {
        "model": ["ViT"] * 4, "class": ["cat", "cat", "dog", "dog"], "answer": ["cat", "dog"] * 2, "images": [1] * 4
    }  # fmt: skip


def test_universes_have_a_row_each_with_a_column_a_choice():
    other = Robust({"keys": "all"}, (Outcome({"keys": "all"}, "weak", (), {"A1a": (0.5, 0.4, None, "holds")}),))
    found = {"pocket": {"U1": ROBUST, "A1": other}, "cifar10": {"U1": ROBUST}}
    table = hand_out.universes(found, "uniformity")
    assert table["run"].tolist() == ["pocket"] * 3 + ["cifar10"] * 3 and set(table["part"]) == {"U1"}
    assert table.iloc[1][["effect", "verdict", "claim_verdict", "measure"]].tolist() == [0.1, "weak", "weak", "rsa"]
    assert set(CLAIMS["U1"].choices) <= set(table.columns) and "keys" not in table
    (row,) = hand_out.universes(found, "attention_distance").to_dict("records")
    assert (row["part"], row["keys"], row["claim_verdict"], row["verdict"]) == ("A1a", "all", "weak", "holds")


def test_universes_of_a_claim_that_does_not_apply_are_left_out_as_they_are_in_the_figure():
    fixed = Robust(ROBUST.published, (universe("not applicable", None),))
    table = hand_out.universes({"pocket": {"U1": ROBUST}, "public": {"U1": fixed}}, "uniformity")
    assert table["run"].tolist() == ["pocket"] * 3
