"""The chapter on spatial structure: what is learned of data sets, terms by hand, parameters that are refused."""

import numpy as np
import pytest

from seelike.activations.attention import Grid
from seelike.chapters import spatial_structure
from seelike.chapters.prepare import prepare
from seelike.chapters.spatial_structure import POINTS, Learned, Setting, SpatialStructure, learn
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.position_similarity import PositionSimilarity
from seelike.system.errors import InputError

LAYOUT = {"n_patches": 8, "n_sets": 2, "dimension": 16, "busy": 0.3, "noise": 0.1}
NO_EARLY = dict.fromkeys(spatial_structure.EARLY.values(), "")
SETTING = Setting(LAYOUT, n_examples=500, n_steps=150, few=[10, 30], n_datasets=2)


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn(SETTING, seed=0)


def test_networks_of_every_data_set_are_followed(learned):
    assert learned.course.shape == (2, POINTS + 1, 2) and learned.steps == [15 * i for i in range(POINTS + 1)]
    assert learned.transfer.shape == (2, 2, 2) and learned.scores.shape == (2, 8, 8)
    assert (learned.course[:, -1] > learned.course[:, 0]).all()
    assert (learned.course[:, -1, 0] > learned.shuffled).all()


def test_scores_stand_in_the_order_of_the_sets(learned):
    array = learned.arrays()["scores"]["learned"]
    assert array.axes["position"] == learned.sets.flatten().tolist() and array.boundaries == [4, 8]
    inside = array.values[:4, :4][~np.eye(4, dtype=bool)].mean()
    assert inside > array.values[:4, 4:].mean()


def test_terms_are_means_over_data_sets(learned):
    found = learned.replicates()
    assert list(found) == list(spatial_structure.PARTS) and all(len(each) == 3 for each in found.values())
    assert found["P1a"][0] == pytest.approx(learned.course[:, -1, 0].mean())
    assert found["P1b"][1] == pytest.approx(learned.course[1, -1, 0] - learned.shuffled[1])
    assert found["P2"][0] == pytest.approx((learned.held - learned.errors).mean())
    assert found["P4"][2] == pytest.approx((learned.transfer[0, :, 0] - learned.transfer[0, :, 1]).mean())


def test_before_training_nothing_is_found_nor_gained(learned):
    start = learn(SETTING, seed=0, trained=False)
    np.testing.assert_array_equal(start.sets, learned.sets)
    np.testing.assert_allclose(start.course[:, 0], learned.course[:, 0])
    found = start.replicates()
    assert not any(found[part].any() for part in ("P1b", "P2", "P4")) and abs(found["P3"][0]) < 0.7
    assert list(start.arrays()["association"]["learned"].axes["step"]) == [0]


def test_kinds_of_attention_are_compared_by_answers_where_there_are_any(monkeypatch):
    card = {"classes": "1" * 80, "answers": "1" * 60 + "0" * 20}
    names = [f"vit_pocket_{kind}patch4_32.cifar10_brief" for kind in ("", "posattn_", "uniform_")]
    monkeypatch.setattr(spatial_structure.bundled, "read_manifest", lambda: dict.fromkeys(names[:2], card))
    similarities = {"vit": PositionSimilarity(Grid(2, 2, 8, 8, 0), np.eye(4))}
    parameters = {"vit": "vit_pocket_patch4_32.cifar10", "vit_checkpoint": ""}
    answered = spatial_structure.find_answered(parameters)
    found = SpatialStructure(similarities, None, answered)
    assert set(found.terms()) == {"P5a", "P6"} and sum(each[0, 0] for each in found.terms()["P5a"].values()) == 0
    assert "attention_accuracy" not in found.arrays()
    monkeypatch.setattr(spatial_structure.bundled, "read_manifest", lambda: dict.fromkeys(names, card))
    found = SpatialStructure(similarities, None, spatial_structure.find_answered(parameters))
    assert set(found.terms()) == {"P5a", "P5b", "P6"}
    assert found.arrays()["attention_accuracy"]["vit"].values[:, 0] == pytest.approx([0.75] * 3)
    untrained = {kind: each * np.nan for kind, each in found.answered.items()}
    assert "attention_accuracy" not in SpatialStructure(similarities, None, untrained).arrays()
    assert not spatial_structure.find_answered(parameters | {"vit_checkpoint": "own.safetensors"})


def parameters(**changed) -> dict:
    few = {"n_images": 8, "batch_size": 4, "n_examples": 100, "n_steps": 20, "n_datasets": 8, "n_seeds": 2}
    few |= {"n_patches": 8, "n_sets": 2, "dimension": 16, "transfer_examples": "10"}
    found = read_parameters(find_chapter("spatial_structure")) | few | changed
    del found["results_dir"]
    return found


def test_the_chapter_judges_networks_over_data_sets_and_embeddings_over_trainings(tmp_path):
    run = prepare(spatial_structure.CHAPTER, str(tmp_path), **parameters())
    result = run.record(*spatial_structure.CHAPTER.measure_all(run))
    assert list(result.claims) == ["P1", "P2", "P3", "P4", "P5", "P6"]
    assert result.claims["P1"]["covers"] == "data sets and trainings" and result.claims["P1"]["trainings"] == {}
    assert result.claims["P6"]["covers"] == "images and trainings" and result.claims["P6"]["trainings"] == {"vit": 2}
    assert result.measures["neighbour_share"]["vit"].axes["percent"] == [1, 3, 10, 100]
    assert result.measures["position_similarity_random"]["vit"].values.shape == (49, 49)
    assert result.save(tmp_path).is_file()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"n_sets": 3}, "n_sets must part 8 patches into sets of one size"),
        ({"n_sets": 8}, "n_sets must part 8 patches into sets of one size"),
        ({"busy": 1.5}, "busy must be a number from 0 to 1"),
        ({"noise": "much"}, "noise must be a number from 0 to 10"),
        ({"dimension": 2}, "dimension must be 4 or more"),
        ({"transfer_examples": "1"}, "transfer_examples must be whole numbers from 2"),
        ({"vit": "resnet_pocket.shapes", **NO_EARLY}, "vit must be a ViT"),
    ],
)
def test_refuses_by_the_parameters_name(tmp_path, changed, named):
    with pytest.raises(InputError, match=named):
        prepare(spatial_structure.CHAPTER, str(tmp_path), **parameters(**changed))
