"""Rehearsals: what does not suit is refused before weights are fetched; what suits leaves the run as it was."""

import copy
import json
from contextlib import nullcontext

import pytest
import timm
import torch

from seelike.chapters import rehearsal
from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.chapters.run import Run
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images import datasets
from seelike.models import loading
from seelike.system import memory
from seelike.system.errors import InputError

PARTS = {"vit": "vit_pocket_patch8_56.shapes", "cnn": "resnet_pocket.shapes"}


def make_run(chapter: str, n_images: int = 16, **parts) -> Run:
    """A run of a chapter on drawings, with its own defaults but for the models."""
    parameters = read_parameters(find_chapter(chapter)) | PARTS | parts
    parameters |= {"n_images": n_images, "batch_size": 4, "n_seeds": 1}
    parameters.pop("results_dir")
    images = datasets.choose(datasets.open_images("shapes"), n_images, seed=0)
    models = dict.fromkeys([*PARTS, *CHAPTERS[chapter].required, *parts])
    return Run(chapter, parameters, images, "cpu", started=0.0, models=tuple(models))


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_every_chapter_of_measures_rehearses_and_finds_labelled_arrays(chapter):
    run = make_run(chapter)
    before = copy.deepcopy(run.parameters)
    found = rehearsal.rehearse(CHAPTERS[run.chapter], run, run.load_first_random())
    for entries in found.arrays().values():
        for entry in entries.values():
            assert tuple(map(len, entry.axes.values())) == entry.values.shape
    assert run.parameters == before and len(run.images) == 16 and run.described == {}


def test_a_model_that_does_not_suit_is_refused_before_any_weights_are_asked_for(monkeypatch):
    monkeypatch.setattr("seelike.chapters.prepare.check_weights", lambda *_: None)
    monkeypatch.setattr(loading, "load_model", lambda *_: pytest.fail("weights were asked for"))
    changed = {"vit": "resnet18.a1_in1k", "vit_low_data": "", "n_images": 16, "batch_size": 4, "n_field_images": 1}
    with pytest.raises(InputError, match="^vit must be a ViT, .*such as DeiT or BEiT"):
        prepare(CHAPTERS["attention_distance"], **read_parameters(find_chapter("attention_distance")) | changed)


def test_a_dry_run_stops_before_the_weights_and_says_what_it_would_take(monkeypatch, tmp_path):
    monkeypatch.setenv(rehearsal.DRY_RUN, str(tmp_path / "said.json"))
    monkeypatch.setattr(loading, "load_model", lambda *_: pytest.fail("weights were asked for"))
    with pytest.raises(rehearsal.DryRun):
        rehearsal.check(CHAPTERS["uniformity"], make_run("uniformity"))
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["models"]["vit"] == {"name": PARTS["vit"], "parameters": 416266}
    assert said["minutes"] == pytest.approx(said["seconds"] / 8 * 16 * 2 / 60, abs=0.1)
    assert "uniformity suits these models (vit 0.4 M, cnn 0." in rehearsal.describe(said)


@pytest.mark.parametrize("asked", [True, False])
def test_the_peak_is_forgotten_before_a_dry_run_alone(monkeypatch, tmp_path, asked):
    """A run's own peak, which its result tells, stays."""
    done: list[str] = []
    monkeypatch.setenv(rehearsal.DRY_RUN, str(tmp_path / "said.json") if asked else "")
    monkeypatch.setattr(memory, "reset_peak", lambda device: done.append(device))
    monkeypatch.setattr(rehearsal, "rehearse", lambda *_: done.append("rehearsal"))
    with pytest.raises(rehearsal.DryRun) if asked else nullcontext():
        rehearsal.check(CHAPTERS["uniformity"], make_run("uniformity"))
    assert done == (["cpu", "rehearsal", "rehearsal"] if asked else ["rehearsal"])


def test_the_memory_foreseen_grows_with_the_minibatch_and_the_trainings(monkeypatch):
    """40 MiB beyond the models at 8 images a minibatch are 640 at 128; the weights come once for each training."""
    monkeypatch.setattr(memory, "find_peak", lambda _: 140)
    monkeypatch.setattr(memory, "find_free", lambda _: 500)
    run = make_run("uniformity", n_images=128)
    run.parameters |= {"batch_size": 128}
    cast = {"vit": torch.nn.Linear(1024, 1024, bias=False)}  # 4 MiB
    assert rehearsal._foresee_memory(CHAPTERS[run.chapter], run, cast, 100) == {
        "needed_mib": 100 + 40 * 16 + 4,
        "free_mib": 600,
    }
    assert rehearsal._foresee_memory(CHAPTERS[run.chapter], run, cast, None) == {}
    kept = make_run("methods", n_images=256)
    assert rehearsal._foresee_memory(CHAPTERS["methods"], kept, cast, 100)["needed_mib"] == 100 + 40 * 256 // 16 + 4


def test_a_dry_run_refuses_what_needs_more_memory_than_there_is():
    foreseen = {"chapter": "uniformity", "device": "cpu", "needed_mib": 64000, "free_mib": 8000}
    with pytest.raises(
        InputError, match="uniformity would need about 64,000 MiB .* 8,000 MiB can be had: lower batch_s"
    ):
        rehearsal.check_memory(foreseen)
    rehearsal.check_memory(foreseen | {"free_mib": 64000})
    rehearsal.check_memory({"chapter": "uniformity"})  # the system does not tell


def test_memory_that_a_rehearsal_cannot_have_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(rehearsal, "rehearse", lambda *_: torch.empty(2**50))
    with pytest.raises(InputError, match="uniformity needs more memory than there is: lower batch_size"):
        rehearsal.check(CHAPTERS["uniformity"], make_run("uniformity"))


def test_few_images_are_rehearsed_on_as_many_as_there_are():
    run = make_run("uniformity", n_images=4)
    found = rehearsal.rehearse(CHAPTERS[run.chapter], run, run.load_first_random())
    assert len(found.similarity.draws) == 1


def test_a_rehearsal_leaves_models_as_they_were(generator):
    run = make_run("uniformity")
    cast = run.load_first_random()
    states = {role: copy.deepcopy(model.state_dict()) for role, model in cast.items()}
    rehearsal.rehearse(CHAPTERS[run.chapter], run, cast)
    for role, model in cast.items():
        assert all(torch.equal(value, model.state_dict()[key]) for key, value in states[role].items())
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_what_cannot_be_an_image_of_each_is_no_layer():
    """XCiT's position embedding returns one row for all images."""
    from seelike.activations.architecture import Architecture

    model = timm.create_model("xcit_nano_12_p16_224").eval()
    names = Architecture.of(model, torch.zeros(1, 3, 64, 64)).names("all")
    assert "blocks.0" in names and not any(name.startswith("pos_embed") for name in names)
