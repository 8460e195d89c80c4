"""Tasks: the same images, labels and order wherever CIFAR-10 lies, and nothing but CIFAR-10 taken for it."""

import tarfile

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from seelike.images import photographs
from seelike.images.datasets import DRAWN
from seelike.images.photographs import CLASSES, PAIRS, Photographs
from seelike.models.loading import transform_of
from seelike.system.errors import InputError
from seelike.training.tasks import load_task


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(photographs, "N_VALIDATION", 10)
    monkeypatch.delenv(photographs.ENVIRONMENT, raising=False)
    forget()
    yield
    forget()


def forget() -> None:
    photographs._read.cache_clear()
    load_task.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Three pictures a class and split, of one colour each: the class's number, the picture's and the split's."""
    for s, split in enumerate(("train", "test")):
        for c, name in enumerate(CLASSES):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(3):
                picture = np.broadcast_to(np.array([c, i, s], np.uint8), (32, 32, 3))
                Image.fromarray(picture).save(tmp_path / split / name / f"{i}.png")
    return tmp_path


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


def test_pairs_join_two_classes_each():
    assert sorted(np.bincount(PAIRS)) == [2] * 5
    assert PAIRS[CLASSES.index("airplane")] == PAIRS[CLASSES.index("cat")] != PAIRS[CLASSES.index("dog")]


def test_a_task_is_found_by_name_and_in_the_environment(folder, monkeypatch):
    images, labels = load_task("cifar10", "test", 30, 32, str(folder))
    monkeypatch.setenv(photographs.ENVIRONMENT, str(folder))
    same, paired = load_task("pairs", "test", 30, 32)
    assert torch.equal(images, same)
    assert torch.equal(torch.tensor(PAIRS)[labels], paired)


def test_drawings_are_resized_as_a_models_transform_does():
    drawn = DRAWN["strokes"]("test")
    assert torch.equal(load_task("strokes", "test", 3)[0], drawn.stack(3)[0])
    images, labels = load_task("strokes", "test", 3, 32)
    transform = transform_of(timm.create_model("vit_pocket_patch4_32"))
    seen = torch.stack([transform(drawn[index][0]) for index in range(3)])
    torch.testing.assert_close(images / 127.5 - 1, seen, rtol=0, atol=1e-6)
    assert labels.tolist() == [0, 1, 2]


def test_what_is_not_cifar10_is_refused(folder, tmp_path_factory):
    with pytest.raises(InputError, match="data_dir must name the folder of CIFAR-10 for cifar10"):
        load_task("cifar10", "test", 3, 32)
    empty = str(tmp_path_factory.mktemp("empty"))
    with pytest.raises(InputError, match="must be a folder that holds test, test.tar, cifar10-test.tar"):
        load_task("cifar10", "test", 3, 32, empty)
    with pytest.raises(InputError, match="size must be 32 pixels for cifar10, not 56"):
        load_task("cifar10", "test", 3, 56, str(folder))
    with pytest.raises(InputError, match="n_images must be 1 to 30 for cifar10/test, not 31"):
        load_task("cifar10", "test", 31, 32, str(folder))
    (folder / "test" / "truck").rename(folder / "test" / "lorry")
    forget()
    with pytest.raises(InputError, match="must hold a folder for each of airplane, automobile"):
        load_task("cifar10", "test", 3, 32, str(folder))
    (folder / "test" / "lorry").rename(folder / "test" / "truck")
    Image.new("RGB", (33, 32)).save(folder / "test" / "truck" / "0.png")
    forget()
    with pytest.raises(InputError, match="must hold pictures of 32×32 pixels, not of 33×32"):
        load_task("cifar10", "test", 3, 32, str(folder))
