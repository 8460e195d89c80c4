"""Cue conflicts: drawings whose cues are known, and pictures whose names tell them; what is refused."""

import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from seelike.images.cue_conflicts import open_drawings, open_pictures
from seelike.images.shapes import CLASS_CUES
from seelike.system.errors import InputError

CLASSES = {"cat": [1, 2], "elephant": [3], "clock": [0]}


@pytest.fixture
def folder(tmp_path):
    names = ["cat7-elephant1", "cat1-cat2", "clock2-cat3", "elephant4-clock1", "dog1-cat2", "holiday"]
    for number, name in enumerate(names):
        file = tmp_path / "pictures" / name.partition("-")[0] / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(file)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": CLASSES, "source": "a test"}))
    return tmp_path


def test_drawings_have_the_cues_as_drawn_and_groups_that_are_classes():
    found = open_drawings(40, 0)
    drawings = [found.images.dataset.drawing(index) for index in found.images.indices]
    assert found.shapes.tolist() == [drawing.outline for drawing in drawings]
    assert found.textures.tolist() == [drawing.texture for drawing in drawings]
    assert found.groups == tuple((label,) for label in range(10))
    either = (found.shape_of == found.shapes[:, None]) & (found.texture_of == found.textures[:, None])
    assert not either.any()  # no class has both cues of a conflict
    assert ((found.shape_of == found.shapes[:, None]).sum(1) == 2).all()
    np.testing.assert_array_equal(found.shape_of, CLASS_CUES[:, 0])


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_that_tell_a_shape_and_another_texture_are_taken(folder, packed):
    place = folder / "pictures"
    if packed:
        with tarfile.open(folder / "pictures.tar", "w") as tar:
            tar.add(place, "pictures")
        place = folder / "pictures.tar"
    found = open_pictures(str(place), str(folder / "classes.json"), 3, 0)
    names = [found.images.dataset.name(index) for index in found.images.indices]
    kinds = list(CLASSES)
    told = {
        name.rpartition("/")[2]: (kinds[s], kinds[t])
        for name, s, t in zip(names, found.shapes, found.textures, strict=True)
    }
    assert told == {
        "cat7-elephant1.png": ("cat", "elephant"),
        "clock2-cat3.png": ("clock", "cat"),
        "elephant4-clock1.png": ("elephant", "clock"),
    }
    assert found.groups == ((1, 2), (3,), (0,)) and len(found.images[0][0].getbands()) == 3
    assert found.shape_of.tolist() == found.texture_of.tolist() == [0, 1, 2]


def test_the_seed_chooses(folder):
    orders = {
        tuple(open_pictures(str(folder / "pictures"), str(folder / "classes.json"), 2, seed).images.indices)
        for seed in range(8)
    }
    assert len(orders) > 1


def test_more_than_there_are_is_refused_by_the_parameters_name(folder):
    with pytest.raises(InputError, match="^n_conflicts must be at most 3"):
        open_pictures(str(folder / "pictures"), str(folder / "classes.json"), 4, 0)
    with pytest.raises(InputError, match="^n_conflicts must be at most 10000"):
        open_drawings(10001, 0)


def test_a_place_without_conflicts_is_refused(folder):
    with pytest.raises(InputError, match="^conflicts_data_dir=.* must hold pictures called as cat7-elephant1.jpg"):
        open_pictures(str(folder / "pictures" / "holiday"), str(folder / "classes.json"), 1, 0)
    with pytest.raises(InputError, match="^conflicts_data_dir='nowhere' is not there"):
        open_pictures("nowhere", str(folder / "classes.json"), 1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"classes": {"cat": [1]}}',
        '{"classes": {"cat": [], "dog": [1]}}',
        '{"classes": {"cat": ["1"], "dog": [2]}}',
    ],
)
def test_classes_that_are_none_are_refused(folder, text):
    (folder / "wrong.json").write_text(text)
    with pytest.raises(InputError, match="^conflicts_classes must be a JSON file"):
        open_pictures(str(folder / "pictures"), str(folder / "wrong.json"), 1, 0)
    with pytest.raises(InputError, match="^conflicts_classes must be a JSON file"):
        open_pictures(str(folder / "pictures"), "", 1, 0)
    with pytest.raises(InputError, match="^conflicts_data_dir='gone' is not there"):
        open_pictures("gone", "", 1, 0)
