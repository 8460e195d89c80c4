"""The chapter on CKA itself: it measures without a control, and refuses too few images."""

import pytest
import timm
import torch

from seelike.chapters import methods
from seelike.chapters.prepare import prepare
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.runner import assemble
from seelike.system.errors import InputError


def test_the_chapter_measures_and_records_without_a_control(tmp_path):
    parameters = read_parameters(find_chapter("methods")) | {"n_images": 32, "batch_size": 16}
    del parameters["results_dir"]
    run = prepare(methods.CHAPTER, str(tmp_path), **parameters)
    result = run.record(methods.measure_runs(run.load_models(), run), [])
    assert result.claims == {} and "cka_by_minibatch" in result.measures
    flattened, pooled = result.measures["cka_by_position"]["vit"].values.T
    assert flattened[1] == pytest.approx(1, abs=1e-4) and pooled[1:] == pytest.approx([1, 1], abs=1e-4)
    assert result.save(tmp_path).is_file()


def test_no_more_images_are_used_than_are_kept():
    assert methods.CHAPTER.most_images == methods.MOST_IMAGES == 1024


def test_too_few_images_are_refused(tmp_path):
    parameters = read_parameters(find_chapter("methods")) | {"n_images": 8, "batch_size": 8}
    del parameters["results_dir"]
    with pytest.raises(InputError, match="n_images must be 16 or more in this chapter, not 8"):
        prepare(methods.CHAPTER, str(tmp_path), **parameters)


def test_positions_are_those_of_the_block_and_of_a_model_without_them_none_are_told(monkeypatch):
    models = {"vit": timm.create_model("vit_pocket_patch8_56"), "cnn": timm.create_model("resnet_pocket")}
    (cast,), _ = assemble([models], [dict.fromkeys(models, torch.rand(2, 3, 56, 56))])
    places = methods._locate_positions(cast)
    assert places["vit"].shape[0] == 49 and places["vit"].flatten().tolist()[0] == places["vit"].shape[1]  # after CLS
    channels, first = places["cnn"].shape[1], places["cnn"][0]
    assert (first.diff() == places["cnn"].shape[0]).all() and len(first) == channels  # a map has its channels first
    monkeypatch.setattr(methods, "split", refuse)
    assert methods._locate_positions(cast) == {}


def refuse(*_):
    raise InputError("no positions")
