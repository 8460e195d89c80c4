"""What the page of single drawings shows: states of bundled models, arrays that the chapters' measures give."""

import json
import re

import numpy as np
import pytest

from seelike.images.shapes import Shapes
from seelike.models.recipes import EARLY_SHARES
from seelike.results.runs import read_published
from seelike.site import explorer
from seelike.system.paths import RESULTS


@pytest.fixture(scope="module")
def images():
    return explorer.Images()


def find(folder: str) -> explorer.State:
    return next(state for state in explorer.list_states() if state.folder == folder)


def test_every_design_is_there_untrained_trained_and_from_every_seed():
    found = {}
    for state in explorer.list_states():
        found.setdefault(state.design, []).append((state.percent, state.seed))
    assert found.keys() == explorer.DESIGNS.keys()
    for states in found.values():
        assert {(0, 0), (100, 0), (100, 1), (100, 2)} <= set(states) and len(set(states)) == len(states)
    assert {(percent, 0) for percent in EARLY_SHARES} <= set(found["vit"]) & set(found["resnet"])
    assert find("vit-0-0").accuracy is None and find("vit-100-0").accuracy > find("vit-10-0").accuracy


def test_an_outline_runs_around_the_object():
    drawing = Shapes().drawing(0)
    edges = re.findall(r"M(\d+) (\d+)([hv])1", explorer.describe(drawing)["outline"])
    padded = np.pad(drawing.mask, 1)
    assert len(edges) == sum((np.diff(padded.astype(int), axis=axis) != 0).sum() for axis in (0, 1))
    x, y, _ = next(edge for edge in edges if edge[2] == "v")
    assert drawing.mask[int(y), int(x) - 1 : int(x) + 1].sum() == 1 or int(x) in (0, 56)


def test_token_patch_cka_is_that_of_the_chapter(images):
    looks = explorer.Looks(find("vit-100-0"), images)
    published = read_published("localization", RESULTS)["pocket"].measures["token_patch_cka"]["vit"]
    for i, block in enumerate(published.axes["layer"]):
        for j, token in enumerate(published.axes["token"]):
            y, x = map(int, token.split(","))
            own = looks.resemblance[looks.own.names().index(block), y * 7 + x].reshape(7, 7)
            np.testing.assert_allclose(own, published.values[i, j], atol=1e-4)


def test_a_model_without_attention_has_none_and_says_where_it_answers(images, tmp_path):
    about = explorer.Looks(find("mixer-100-0"), images).write(tmp_path)
    assert about["heads"] == 0 and about["answering"] == about["blocks"]
    assert len(about["positions"]) == 16 and [6, 6] in about["positions"]
    assert b'"attention"' not in (tmp_path / "drawing-0.bin").read_bytes()


def test_what_was_measured_is_kept_until_something_changes(tmp_path, monkeypatch):
    measured = []

    def write(folder):
        measured.append(folder)
        folder.mkdir(parents=True)
        (folder / "index.json").write_text(json.dumps({}))

    monkeypatch.setattr(explorer, "write", write)
    first, again = explorer.measure(tmp_path), explorer.measure(tmp_path)
    assert first == again == measured[0] and (first / "index.json").is_file()
    monkeypatch.setattr(explorer.execute, "read_parameters", lambda _: {"n_images": 64})
    other = explorer.measure(tmp_path)
    assert measured == [first, other] and not first.exists()
