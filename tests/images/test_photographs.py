"""CIFAR-10: the same images, labels and order wherever it lies, and nothing else taken for it."""

import shutil
import tarfile

import numpy as np
import pytest
import torch
from cifar10 import colored_classes
from PIL import Image

from seelike.images import photographs
from seelike.images.datasets import choose, count_classes, open_images, read_labels, say_passed_over
from seelike.images.photographs import CLASSES, PAIRS, Photographs
from seelike.system.errors import InputError


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(photographs, "N_VALIDATION", 10)
    monkeypatch.delenv(photographs.ENVIRONMENT, raising=False)
    photographs._read.cache_clear()
    yield
    photographs._read.cache_clear()


@pytest.fixture
def folder(tmp_path):
    return colored_classes(tmp_path)


def test_splits_share_no_picture_and_keep_their_labels(folder):
    splits = {split: Photographs(split, str(folder)) for split in ("train", "validation", "test")}
    assert {split: len(images) for split, images in splits.items()} == {"train": 20, "validation": 10, "test": 30}
    seen = {split: {tuple(image[0, 0]) for image in images.images} for split, images in splits.items()}
    assert not seen["train"] & seen["validation"] and len(seen["train"] | seen["validation"]) == 30
    for images in splits.values():
        shown, labels = images.stack(len(images))
        assert shown.shape == (len(images), 3, 32, 32) and shown.dtype == torch.uint8
        assert torch.equal(shown[:, 0, 0, 0].long(), labels)
    assert sorted(splits["test"].labels) != list(splits["test"].labels)  # in no order of classes


def test_an_archive_gives_what_the_folder_gives(folder, tmp_path_factory):
    archived = tmp_path_factory.mktemp("archived")
    for split in ("train", "test"):
        with tarfile.open(archived / f"cifar10-{split}.tar", "w") as archive:
            archive.add(folder / split, arcname=split)
    for split in ("train", "validation", "test"):
        one, other = Photographs(split, str(folder)), Photographs(split, str(archived))
        assert one.sha256 == other.sha256
        np.testing.assert_array_equal(one.labels, other.labels)


def test_is_an_image_set_by_name(folder, monkeypatch):
    images = open_images("cifar10", str(folder), "test")
    chosen = choose(images, 30, seed=0)
    assert count_classes(chosen) == 10 and len(chosen) == 30
    picture, label = chosen[0]
    assert picture.size == (32, 32) and picture.getpixel((0, 0))[0] == label == read_labels(chosen)[0]
    monkeypatch.setenv(photographs.ENVIRONMENT, str(folder / "nowhere"))
    with pytest.raises(InputError, match="data_dir=.*nowhere"):
        open_images("cifar10", "", "test")
    monkeypatch.setenv(photographs.ENVIRONMENT, str(folder))
    assert choose(open_images("cifar10", "", "test"), 30, seed=0).sha256 == chosen.sha256


def test_an_archive_alone_will_do(folder, tmp_path_factory):
    archive = tmp_path_factory.mktemp("one") / "pictures.tar"
    with tarfile.open(archive, "w") as file:
        file.add(folder / "test", arcname="test")
    np.testing.assert_array_equal(Photographs("test", str(archive)).images, Photographs("test", str(folder)).images)


def test_hidden_pictures_are_passed_over_and_told(folder, tmp_path_factory):
    assert Photographs("train", str(folder)).hidden == []
    shutil.copytree(folder / "train" / "cat", folder / "train" / "cat" / ".ipynb_checkpoints")
    archive = tmp_path_factory.mktemp("one") / "pictures.tar"
    with tarfile.open(archive, "w") as file:
        file.add(folder / "train", arcname=".")
    photographs._read.cache_clear()
    for place in (folder, archive):
        for split, count in (("train", 20), ("validation", 10)):
            chosen = choose(open_images("cifar10", str(place), split), count, seed=0)
            described = chosen.describe("cifar10", split)
            assert described["hidden"] == [{"place": "cat/.ipynb_checkpoints", "pictures": 3}]
            assert "3 hidden pictures were passed over: cat/.ipynb" in say_passed_over(described)[0]
    assert Photographs("test", str(folder)).hidden == []


def test_pairs_join_two_classes_each():
    assert sorted(np.bincount(PAIRS)) == [2] * 5
    assert PAIRS[CLASSES.index("airplane")] == PAIRS[CLASSES.index("cat")] != PAIRS[CLASSES.index("dog")]


def test_what_is_not_cifar10_is_refused(folder, tmp_path_factory):
    with pytest.raises(InputError, match="split must be one of train, validation, test for cifar10, not 'dev'"):
        Photographs("dev", str(folder))
    with pytest.raises(InputError, match="data_dir must name the folder of cifar10"):
        Photographs("test")
    empty = str(tmp_path_factory.mktemp("empty"))
    with pytest.raises(InputError, match="data_dir=.* must be an archive .* or a folder that holds test, test.tar"):
        Photographs("test", empty)
    with pytest.raises(InputError, match="n_images must be 1 to 30 for cifar10/test, not 31"):
        Photographs("test", str(folder)).stack(31)
    (folder / "test" / "truck").rename(folder / "test" / "lorry")
    photographs._read.cache_clear()
    with pytest.raises(InputError, match="must hold a folder for each of airplane, automobile"):
        Photographs("test", str(folder))
    (folder / "test" / "lorry").rename(folder / "test" / "truck")
    Image.new("RGB", (33, 32)).save(folder / "test" / "truck" / "0.png")
    photographs._read.cache_clear()
    with pytest.raises(InputError, match="must hold pictures of 32×32 pixels, not of 33×32"):
        Photographs("test", str(folder))
