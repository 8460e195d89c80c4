"""The chapter on a ViT, a GAP ViT, a CNN and a Mixer: what is measured, of whom, and what is left out."""

import json

import numpy as np
import pytest
from PIL import Image
from torch import nn

from seelike.chapters import cue_conflicts, intriguing_properties, rehearsal
from seelike.chapters.intriguing_properties import CHAPTER, Opened
from seelike.chapters.masks import find_masks
from seelike.chapters.prepare import prepare
from seelike.chapters.run import Run
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.kept import INTACT
from seelike.measures.patch_changes import CLAIMED, OWN_TILES
from seelike.system.errors import InputError

FEW = {"n_images": 16, "batch_size": 8, "n_conflicts": 20, "n_probe_images": 0, "n_seeds": 2}


def make_run(monkeypatch, **changed) -> Run:
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    return prepare(CHAPTER, **read_parameters(find_chapter("intriguing_properties")) | FEW | changed)


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as monkeypatch:
        run = make_run(monkeypatch)
        loaded = list(run.load_models())
        seen: dict[nn.Module, list[bytes]] = {}
        for model in {model for models in loaded for model in models.values()}:
            model.register_forward_pre_hook(
                lambda module, inputs: seen.setdefault(module, []).append(inputs[0].numpy().tobytes())
            )
        found = list(CHAPTER.measure(loaded, run))
        seen = {model: [each for each in passes if len(each) > 4 * 3 * 56 * 56 * 2] for model, passes in seen.items()}
        return run, loaded, found, seen


def test_every_model_of_the_first_run_is_shown_every_change(measured):
    _, _, (first, second), _ = measured
    assert first.kept.keys() == {"vit", "cnn", "vit_gap", "mixer"}
    assert all(own.accuracy.keys() == first.kept["vit"].accuracy.keys() for own in first.kept.values())
    assert second.kept["vit"].accuracy.keys() == {INTACT, *CLAIMED.values()}
    assert first.decisions.keys() == first.segments.keys() | {"cnn"} == {"vit", "cnn"}
    assert first.decisions["vit"].counts.sum() == 20 and not first.transferred


def test_the_same_images_are_passed_through_a_model_once(measured):
    _, _, _, seen = measured
    assert len(seen) == 6  # two ViTs and two CNNs, a GAP ViT and a Mixer
    for passes in seen.values():
        repeated = len(passes) - len(set(passes))
        assert repeated <= 2  # tiles that are the ViT's patches are tiles of 7 × 7


def test_what_is_measured_is_recorded_with_all_trainings(measured, tmp_path):
    run, _, found, _ = measured
    control = list(CHAPTER.control(run.load_controls(), run))
    result = run.record(found, control)
    assert list(result.claims) == ["I1", "I2", "I3", "I4", "I5"]
    for claim in ("I1", "I2", "I3"):
        assert result.claims[claim]["control_verdict"] == "not applicable"
        assert result.claims[claim]["parts"][claim]["control"] is None
    assert result.claims["I4"]["trainings"] == {"vit": 2, "cnn": 2}
    shares = result.measures["kept_by_place"]["vit"]
    assert len(shares.axes["dropped"]) == 7 and np.isfinite(shares.values).all()
    assert "kept_dropped_random" not in result.measures and "decisions_random" in result.measures
    assert result.provenance["conflicts_dataset"]["images"] == 20
    result.save(tmp_path)


def test_terms_are_those_of_the_measures(measured):
    _, _, (first, _), _ = measured
    terms = first.terms()
    assert terms["I3"]["vit",] == pytest.approx(first.kept["vit"].share(OWN_TILES), nan_ok=True)
    assert sum(terms["I4"].values()) == pytest.approx(
        first.decisions["vit"].bias() - first.decisions["cnn"].bias(), nan_ok=True
    )
    assert terms["I5"].keys() == {("vit",)}


def test_masks_are_seen_as_the_images_are(measured):
    run, loaded, _, _ = measured
    transform = run.transforms(loaded[0])["vit"]
    masks = find_masks(run, transform)
    known = [run.images.dataset.drawing(index).mask for index in run.images.indices]
    np.testing.assert_array_equal(masks.numpy(), np.stack(known))


def test_without_classes_objects_or_another_task_little_is_left(monkeypatch, tmp_path):
    for number in range(16):
        Image.new("RGB", (56, 56), (10 * number, 0, 99)).save(tmp_path / f"{number}.png")
    run = make_run(monkeypatch, dataset="folder", data_dir=str(tmp_path), n_seeds=1, vit_gap="", mixer="")
    assert run.opened == Opened()
    (found,) = CHAPTER.measure(run.load_models(), run)
    assert list(found.arrays()) == ["learned_from"] and not found.terms()  # from cards, whatever the images


def test_a_model_whose_head_does_not_fit_gets_one_for_the_classes_of_the_conflicts(monkeypatch):
    monkeypatch.setattr(cue_conflicts, "LEAST_FITTED", 16)
    run = make_run(monkeypatch, n_seeds=1, n_images=160)
    models = next(run.load_models())
    fitted = cue_conflicts.decide({"vit": models["vit"]}, (), run, run.opened.conflicts)["vit"]
    assert fitted.counts.sum() == 20 and fitted.counts[:, :2].sum() > 10
    monkeypatch.setattr(cue_conflicts, "LEAST_FITTED", 161)
    assert cue_conflicts.decide({"vit": models["vit"]}, (), run, run.opened.conflicts) == {}


def test_bad_input_is_refused_by_name(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="^n_conflicts must be 0 or more, not -1"):
        make_run(monkeypatch, n_conflicts=-1)
    with pytest.raises(InputError, match="^conflicts_classes is for pictures of your own"):
        make_run(monkeypatch, conflicts_classes="classes.json")
    (tmp_path / "classes.json").write_text(json.dumps({"classes": {"cat": [1], "dog": [2]}}))
    with pytest.raises(InputError, match="^conflicts_data_dir="):
        make_run(monkeypatch, conflicts_data_dir=str(tmp_path), conflicts_classes=str(tmp_path / "classes.json"))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="^conflicts_classes must be a JSON file"):
        make_run(monkeypatch, conflicts_data_dir=str(tmp_path))
    with pytest.raises(InputError, match="^transfer_dataset='nothing'"):
        make_run(monkeypatch, transfer_dataset="nothing", n_probe_images=1500)


def test_no_place_of_this_machine_is_kept(monkeypatch, tmp_path):
    run = make_run(
        monkeypatch, n_conflicts=0, conflicts_data_dir=str(tmp_path), conflicts_classes=str(tmp_path / "c.json")
    )
    kept = run.portable_parameters()
    assert kept["conflicts_data_dir"] == tmp_path.name and kept["conflicts_classes"] == "c.json"
    assert intriguing_properties.open_images(run) == Opened()
