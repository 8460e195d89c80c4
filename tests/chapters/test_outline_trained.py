"""Trainings on outlines alone beside ordinary ones: decisions read as outlines, by hand."""

import numpy as np
import pytest

from seelike.chapters import outline_trained
from seelike.chapters.outline_trained import CHANGES, decide, find_outline_trained
from seelike.images.shapes import CONFLICTS, Conflicts

NAMES = {"vit": "vit_pocket_patch8_56.shapes", "cnn": "resnet_pocket.shapes"}
PARAMETERS = NAMES | {"vit_checkpoint": "", "cnn_checkpoint": ""}
N = 60


def write(digits) -> str:
    return "".join(map(str, digits))


def test_an_answer_is_for_the_outline_drawn_or_for_one_that_has_the_texture_drawn():
    """Of five outlines one is drawn, and two have the texture, since two classes of each outline differ in it."""
    shapes, textures = CONFLICTS[np.arange(15)].T
    assert decide(shapes).counts.sum(0).tolist() == [15, 0, 0]
    assert decide(textures).counts.sum(0).tolist() == [0, 15, 0]  # the first five classes have equal numbers of both
    every = sum(decide((shapes + turn) % 5).counts.sum(0) for turn in range(5))
    assert every.tolist() == [15, 30, 30]


def test_conflicts_are_drawn_in_that_order():
    drawings = [Conflicts("test").drawing(index) for index in range(30)]
    assert [(each.outline, each.texture) for each in drawings] == [tuple(CONFLICTS[i % 15]) for i in range(30)]


@pytest.fixture
def cards(monkeypatch) -> dict[str, dict]:
    """Ordinary models that go by the texture, and such as have learned outlines alone, which go by these."""
    labels, conflicts = np.arange(N) % 10, CONFLICTS[np.arange(N) % 15]
    ordinary = {"asked": {"shapes": write(labels), "conflicts": write(conflicts[:, 1])}}
    outlines = {"asked": {"shapes": write(np.where(labels < 5, labels, 0)), "conflicts": write(conflicts[:, 0])}}
    known = {}
    for role, name in NAMES.items():
        jaccard = {"jaccard": 0.3} if role == "vit" else {}
        known |= {f"{name}{seed}": ordinary | jaccard for seed in ("", "_seed1")}
        known |= {f"{name}_untextured{seed}": outlines | jaccard for seed in ("", "_seed1", "_seed2")}
    monkeypatch.setattr(outline_trained.bundled, "read_manifest", lambda: known)
    return known


def test_what_changes_is_told_of_as_many_trainings_as_there_are_of_both(cards):
    found = find_outline_trained(PARAMETERS)
    assert found["vit"].axes["compared"] == list(CHANGES) and found["vit"].values.shape == (2, 3, 2)
    np.testing.assert_allclose(found["vit"].values[..., 0], [[0, 0.3, 1], [1, 0.3, 0.6]])
    assert np.isnan(found["cnn"].values[:, 1]).all() and found["cnn"].values[1, 0, 1] == 1


@pytest.mark.parametrize("changed", [{"vit": "deit_tiny_patch16_224.fb_in1k"}, {"vit_checkpoint": "own.safetensors"}])
def test_of_models_that_were_not_trained_so_nothing_is_told(cards, changed):
    assert find_outline_trained(PARAMETERS | changed).keys() == {"cnn"}


def test_nothing_is_told_before_all_cards_have_it(cards):
    cards[f"{NAMES['vit']}_seed1"].pop("asked", None)
    cards[f"{NAMES['cnn']}_seed1"] = {}
    assert find_outline_trained(PARAMETERS).keys() == set()
