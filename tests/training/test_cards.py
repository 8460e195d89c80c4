"""What is shipped is what was trained."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from cifar10 import colored_classes
from safetensors.torch import load_file

from seelike.images import photographs
from seelike.images.datasets import DRAWN
from seelike.measures.clusters import count_pairs, mutual_information
from seelike.measures.segmentation import mean_iou
from seelike.models import bundled, recipes
from seelike.models.recipe_kinds import Recipe, WiredRecipe
from seelike.models.recipes import CIFAR10, EARLY, RECIPES, SHAPES, VIT, kept_steps
from seelike.training import cards, train
from seelike.training.accuracy import answer, measure_accuracy
from seelike.training.tasks import load_task
from seelike.training.train import Training

TINY = Recipe(images=40, steps=100, batch_size=8, warmup=2)
NAME = f"{VIT}.shapes"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The manifest and the folder after a short run of one model and its early states was published."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundled, "WEIGHTS", folder / "weights")
        patch.setattr(bundled, "MANIFEST", folder / "weights" / "manifest.json")
        patch.setattr(train, "N_VALIDATION", 20)
        patch.setattr(cards, "N_TEST", 20)
        patch.setitem(recipes.RECIPES, NAME, TINY)
        kept = kept_steps(NAME)
        training = Training(NAME, TINY, folder, keep=kept)
        assert training.run()
        for name in (*kept.values(), NAME):
            cards.publish(name, folder)
        return bundled.read_manifest(), folder, training


def test_cards_agree_with_the_weights(published, monkeypatch):
    manifest, folder, training = published
    monkeypatch.setattr(bundled, "MANIFEST", folder / "weights" / "manifest.json")
    assert list(manifest) == sorted([NAME, *(name for name in EARLY if name.startswith(NAME))])
    for name, card in manifest.items():
        assert card["file"] == f"{name}.safetensors"
        content = (folder / "weights" / card["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == card["sha256"]
        assert card["images_seen"] == 8 * card["steps"]
        bundled.check_weights(folder / "weights" / card["file"])
    assert manifest[NAME]["curve"] == training.curve
    assert sorted(card["steps"] for card in manifest.values()) == [1, 3, 10, 100]


def test_the_accuracy_is_that_of_the_weights_as_shipped(published):
    manifest, folder, training = published
    shipped = load_file(folder / "weights" / f"{NAME}.safetensors")
    assert all(value.dtype == torch.float16 for value in shipped.values())
    training.model.load_state_dict({key: value.float() for key, value in shipped.items()})
    accuracy = measure_accuracy(training.model, *DRAWN["shapes"]("test").stack(20))
    assert accuracy == pytest.approx(manifest[NAME]["test_accuracy"], abs=1e-4)


def test_of_photographs_the_answers_are_shipped(tmp_path, monkeypatch):
    name = f"{CIFAR10.name('small')}.cifar10"
    monkeypatch.setattr(photographs, "N_VALIDATION", 10)
    for constant, value in {"WEIGHTS": tmp_path / "w", "MANIFEST": tmp_path / "w" / "manifest.json"}.items():
        monkeypatch.setattr(bundled, constant, value)
    monkeypatch.setattr(cards, "N_TEST", 10)
    monkeypatch.setattr(train, "N_VALIDATION", 10)
    load_task.cache_clear()
    recipe = replace(TINY, task="cifar10", images=20, steps=2)
    monkeypatch.setitem(recipes.RECIPES, name, recipe)
    folder = str(colored_classes(tmp_path / "cifar10"))
    training = Training(name, recipe, tmp_path, data_dir=folder)
    assert training.run()
    cards.publish(name, tmp_path, folder)
    card = bundled.read_manifest()[name]
    images, labels = load_task("cifar10", "test", 10, 32, folder)
    assert [int(digit) for digit in card["classes"]] == labels.tolist()
    right = [answer == label for answer, label in zip(card["answers"], card["classes"], strict=True)]
    assert sum(right) / 10 == card["test_accuracy"]
    initial = measure_accuracy(timm.create_model(name), images, labels)
    assert card["initial_accuracy"] == pytest.approx(initial, abs=1e-4)


def shorten(name: str) -> Recipe:
    return replace(RECIPES[name], images=20, steps=2, batch_size=4, warmup=1)


def publish_a_little(name: str, recipe: Recipe, folder: Path, monkeypatch, n_test: int = 20) -> tuple[Training, dict]:
    """Train by a recipe, and publish what came of it in a folder of weights of its own: the training and its card."""
    for constant, value in {"WEIGHTS": folder / "w", "MANIFEST": folder / "w" / "manifest.json"}.items():
        monkeypatch.setattr(bundled, constant, value)
    monkeypatch.setattr(cards, "N_TEST", n_test)
    monkeypatch.setattr(train, "N_VALIDATION", 20)
    monkeypatch.setitem(recipes.RECIPES, name, recipe)
    training = Training(name, recipe, folder)
    assert training.run()
    cards.publish(name, folder)
    return training, bundled.read_manifest()[name]


def test_of_some_the_answers_are_all_that_is_shipped(tmp_path, monkeypatch):
    name = f"{SHAPES.name('wired')}.shapes_twophase"
    recipe = WiredRecipe(**vars(TINY) | {"steps": 4}, wiring="convolution")
    training, card = publish_a_little(name, recipe, tmp_path, monkeypatch)
    assert [file.name for file in (tmp_path / "w").iterdir()] == ["manifest.json"]
    assert card["weights"] is None and "file" not in card and card["recipe"]["wiring"] == "convolution"
    images, labels = load_task("shapes", "test", 20)
    training.model.load_state_dict({key: value.half() for key, value in training.model.state_dict().items()})
    assert [int(digit) for digit in card["answers"]] == answer(training.model, images).tolist()
    assert [int(digit) for digit in card["classes"]] == labels.tolist()


@pytest.mark.parametrize(
    "name", ["duoformer_pocket_56.frozen_strokes", "duoformer_pocket_mean_56.frozen_strokes_seed1"]
)
def test_of_what_learned_on_a_frozen_backbone_nothing_else_is_shipped(name, tmp_path, monkeypatch):
    backbone, weights = "resnet_pocket.shapes", tmp_path / "w"
    weights.mkdir()
    shutil.copy(bundled.WEIGHTS / f"{backbone}.safetensors", weights)
    (weights / "manifest.json").write_text(json.dumps({backbone: bundled.read_manifest()[backbone]}))
    training, card = publish_a_little(name, shorten(name), tmp_path, monkeypatch)
    training.model.load_state_dict({key: value.half() for key, value in training.model.state_dict().items()})
    assert [int(digit) for digit in card["answers"]] == answer(
        training.model, load_task("strokes", "test", 20)[0]
    ).tolist()
    learned = dict(training.model.named_parameters())
    assert card["parameters"] == sum(p.numel() for p in learned.values()) < 180_000 and "asked" not in card
    if name in recipes.WITHOUT_WEIGHTS:
        assert card["weights"] is None and not (weights / f"{name}.safetensors").exists()
    else:
        assert load_file(weights / card["file"]).keys() == learned.keys()


def test_of_clusters_the_card_tells_who_is_in_them(tmp_path, monkeypatch):
    name = "vtcc_pocket_56.unlabelled_strokes_instance"
    training, card = publish_a_little(name, shorten(name), tmp_path, monkeypatch)
    assert card["weights"] is None and card["curve"] == training.curve and "test_accuracy" not in card
    images, labels = load_task("strokes", "test", 20)
    training.model.load_state_dict({key: value.half() for key, value in training.model.state_dict().items()})
    assert [int(digit) for digit in card["answers"]] == answer(training.model, images).tolist()
    means = torch.tensor([int(digit) for digit in card["means"]])
    assert card["means_information"] == pytest.approx(mutual_information(count_pairs(means, labels)), abs=1e-4)


def test_of_pixels_the_card_tells_how_often_which_label_was_taken_for_which(tmp_path, monkeypatch):
    name = "vit_pocket_dense_56.dense_shapes_seed1"
    _, card = publish_a_little(name, shorten(name), tmp_path, monkeypatch, n_test=40)
    assert card["weights"] is None and len(card["answers"]) == 40 and card["recipe"]["pixels"] == 1
    patches, pixels = (np.array(card[cells]) for cells in ("patches", "pixels"))
    assert patches.shape == pixels.shape == (40, 6, 6)
    assert (patches.sum((1, 2)) == 49).all() and (pixels.sum((1, 2)) == 56 * 56).all()
    assert card["miou_of_pixels"] == pytest.approx(mean_iou(pixels.sum(0)), abs=1e-4)


def test_the_manifest_keeps_a_line_a_field(published):
    text = (published[1] / "weights" / "manifest.json").read_text()
    assert json.loads(text) == published[0]
    assert max(map(len, text.splitlines())) > 20 and text.count("\n") < 18 * len(published[0])


def test_the_list_recomputes_every_accuracy(monkeypatch):
    names, clusters = (NAME, "resnet_pocket.shapes_3pct"), "vtcc_pocket_56.unlabelled_strokes"
    monkeypatch.setattr(cards, "N_TEST", 100)
    monkeypatch.setattr(bundled, "NAMES", (*names, clusters))
    monkeypatch.setattr(cards, "measure_baselines", lambda: {"guessing": 0.1})
    lines = cards.list_models().splitlines()
    assert [line.split()[0] for line in lines[1:3]] == list(names)
    for line, name in zip(lines[1:3], names, strict=True):
        trained, random = (float(share.rstrip("%")) / 100 for share in line.split()[-2:])
        assert trained == pytest.approx(bundled.read_manifest()[name]["test_accuracy"], abs=0.12)
        assert random < 0.25
    assert lines[3].split()[0] == clusters and lines[3].split()[-2:] == ["clusters", "-"]
    assert lines[-1].split() == ["guessing", "10.0%"]
