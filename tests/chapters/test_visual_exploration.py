"""The chapter on a ViT, a GAP ViT and a CNN: what is measured, of whom, checks by construction, refusals."""

import numpy as np
import pytest
import timm
from PIL import Image

from seelike.chapters import rehearsal
from seelike.chapters.prepare import prepare
from seelike.chapters.run import Run
from seelike.chapters.visual_exploration import CHAPTER, measure_runs, read_cues
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.shapes import CUES
from seelike.measures.fine_detail import FILTERED
from seelike.measures.kept import INTACT
from seelike.measures.token_answers import BUT_LAST, ISOLATED
from seelike.system.errors import InputError

FEW = {"n_images": 16, "batch_size": 8, "n_seeds": 2}


def make_run(monkeypatch, **changed) -> Run:
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    return prepare(CHAPTER, **read_parameters(find_chapter("visual_exploration")) | FEW | changed)


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as monkeypatch:
        run = make_run(monkeypatch)
        return run, list(CHAPTER.measure(run.load_models(), run))


def test_of_the_first_run_everything_of_others_what_claims_need(measured):
    _, (first, second) = measured
    assert first.purity.keys() == first.tokens.keys() == {"vit", "vit_gap"}
    assert first.kept.keys() == {"vit", "vit_gap", "cnn"}
    isolated = [left for kind, left in first.kept["vit"].accuracy if kind == ISOLATED]
    assert sorted(isolated) == list(range(8))
    assert [each for each in second.kept["vit"].accuracy if each[0] == ISOLATED] == [BUT_LAST]
    assert {INTACT, *FILTERED} <= first.kept["cnn"].accuracy.keys()


def test_isolated_everywhere_a_model_is_right_as_often_as_one_class_is_there(measured):
    """CLS then says the same of every image."""
    run, (first, _) = measured
    labels = np.array([run.images.dataset.drawing(index).label for index in run.images.indices])
    right = first.kept["vit"].accuracy[ISOLATED, 0].mean()
    assert any(right == pytest.approx((labels == label).mean()) for label in range(10))


def test_the_classifier_of_the_pooled_model_reads_its_tokens(measured):
    """W3's control: it was trained on their mean."""
    _, (first, _) = measured
    shares = first.arrays()["kept_by_token"]
    assert shares["vit_gap"].values[0] == 1
    assert shares["vit_gap"].values[1] > 0.7 > shares["vit"].values[1]


def test_what_is_measured_is_recorded(measured, tmp_path):
    run, found = measured
    control = list(CHAPTER.control(run.load_controls(), run))
    result = run.record(found, control)
    assert list(result.claims) == ["W1", "W2", "W3", "W4", "W5", "W6"]
    assert all(result.claims[claim]["control_verdict"] == "not applicable" for claim in ("W3", "W4", "W5"))
    assert result.claims["W1"]["parts"]["W1"]["control"] is not None
    assert result.measures["kept_isolated"]["vit"].axes == {"blocks left to CLS": list(range(8))}
    assert "purity_random" in result.measures and "kept_filtered_random" not in result.measures
    result.save(tmp_path)


def test_cues_are_those_drawn(measured):
    run, _ = measured
    cues = read_cues(run)
    drawings = [run.images.dataset.drawing(index) for index in run.images.indices]
    for axis, cue in enumerate(CUES):
        assert cues[:, axis].tolist() == [getattr(drawing, cue) for drawing in drawings]


def test_of_pictures_without_cues_and_classes_only_what_cards_tell_is_left(monkeypatch, tmp_path):
    for number in range(16):
        Image.new("RGB", (56, 56), (10 * number, 0, 99)).save(tmp_path / f"{number}.png")
    run = make_run(monkeypatch, dataset="folder", data_dir=str(tmp_path), n_seeds=1, vit_gap="")
    (found,) = CHAPTER.measure(run.load_models(), run)
    assert set(found.arrays()) == {"kept_parts", "grounded_accuracy"} and set(found.terms()) == {"W6a", "W6b"}


def test_what_is_no_plain_vit_is_refused_by_its_parameter(monkeypatch):
    run = make_run(monkeypatch, n_seeds=1)
    models = {"vit": timm.create_model("resnet_pocket"), "cnn": timm.create_model("resnet_pocket")}
    with pytest.raises(InputError, match="^vit must be a "):
        next(measure_runs([models], run))
