"""Tasks: what bundled models learn, by name and at their size."""

import numpy as np
import pytest
import timm
import torch
from cifar10 import colored_classes

from seelike.images import photographs
from seelike.images.datasets import DRAWN
from seelike.images.photographs import PAIRS
from seelike.models.loading import transform_of
from seelike.system.errors import InputError
from seelike.training import tasks
from seelike.training.tasks import load_task


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "N_VALIDATION", 10)
    monkeypatch.delenv(photographs.ENVIRONMENT, raising=False)
    load_task.cache_clear()
    return colored_classes(tmp_path)


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


def test_photographs_have_their_own_size(folder):
    with pytest.raises(InputError, match="size must be 32 pixels for cifar10, not 56"):
        load_task("cifar10", "test", 3, 56, str(folder))


def test_drawings_are_drawn_once_and_again_where_they_do_not_suffice(tmp_path, monkeypatch):
    images, labels = tasks.load_drawings("shapes", 30, tmp_path)
    expected = DRAWN["shapes"]("train").stack(30)
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    monkeypatch.setattr(tasks, "written_whole", lambda *_: pytest.fail("drawn again"))
    tasks.load_drawings("shapes", 20, tmp_path)
    monkeypatch.undo()
    assert len(tasks.load_drawings("shapes", 50, tmp_path)[0]) == 50


def test_pixels_are_labelled_by_what_the_drawings_show(tmp_path):
    pixels, drawings = tasks.load_pixels("shapes", 12, tmp_path), DRAWN["shapes"]("train")
    assert pixels.shape == (12, 56, 56) and pixels.dtype == np.uint8
    for index, labels in enumerate(pixels):
        drawing = drawings.drawing(index)
        np.testing.assert_array_equal(labels > 0, drawing.mask)
        assert set(np.unique(labels)) == {0, 1 + drawing.outline}
    np.testing.assert_array_equal(tasks.load_pixels("shapes", 5, tmp_path), pixels[:5])
    assert len(tasks.load_drawings("shapes", 12, tmp_path)[0]) == 12 and len(list(tmp_path.glob("*.npy"))) == 2
    first = tasks.label_first_pixels("shapes", "validation", 3)
    assert (first > 0).any((1, 2)).all() and not np.array_equal(first, pixels[:3])


@pytest.mark.parametrize("task", DRAWN)
def test_the_labels_of_drawings_are_their_own(task, tmp_path):
    np.testing.assert_array_equal(tasks.load_drawings(task, 20, tmp_path)[1], DRAWN[task]("train").stack(20)[1])
