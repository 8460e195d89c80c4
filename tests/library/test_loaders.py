"""Every form of loader gives the same minibatches; others are refused by name."""

from collections import UserDict

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from seelike.library.loaders import check_model, check_pass, find_minibatches, move_to, warn_of_repeats
from seelike.system.errors import InputError

IMAGES = torch.arange(8 * 3 * 4 * 4.0).reshape(8, 3, 4, 4)
LABELS = torch.arange(8)
BATCHES = IMAGES.split(4)


@pytest.mark.parametrize(
    "loader",
    [
        BATCHES,
        iter(BATCHES),
        (batch for batch in BATCHES),
        list(zip(BATCHES, LABELS.split(4), strict=True)),
        [[batch, "labels", 3] for batch in BATCHES],
        [{"pixel_values": batch, "labels": 0} for batch in BATCHES],
        [UserDict(pixel_values=batch) for batch in BATCHES],
        DataLoader(TensorDataset(IMAGES, LABELS), 4),
    ],
    ids=["tuple", "iterator", "generator", "pairs", "lists", "dictionaries", "mappings", "DataLoader"],
)
def test_every_form_gives_the_images_once_and_in_order(loader):
    torch.testing.assert_close(torch.cat(list(find_minibatches(loader))), IMAGES, rtol=0, atol=0)


def test_a_last_smaller_minibatch_is_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="last 2 images"):
        assert [len(images) for images in find_minibatches(IMAGES.split(3))] == [3, 3]


@pytest.mark.parametrize("sizes", [[2, 4, 2], [4, 2, 2], [3, 1, 4]])
def test_minibatches_of_other_sizes_are_refused(sizes):
    with pytest.raises(InputError, match=r"loader must .*one size"):
        list(find_minibatches(IMAGES.split(sizes)))


@pytest.mark.parametrize(
    "loader, named",
    [
        (IMAGES, "iterable"),
        (3, "iterable"),
        ("images", "iterable"),
        ({"pixel_values": IMAGES}, "iterable"),
        ([], "empty"),
        ([IMAGES[0]], r"\(3, 4, 4\)"),
        ([IMAGES.to(torch.uint8)], "uint8"),
        ([IMAGES[:0]], r"\(0, 3, 4, 4\)"),
        ([{"images": IMAGES}], "pixel_values"),
        ([np.zeros((4, 3, 2, 2))], "ndarray"),
        ([()], "tuple"),
        ([IMAGES, IMAGES.where(IMAGES != 7, torch.nan)], "finite"),
        ([IMAGES.where(IMAGES != 7, -torch.inf)], "finite"),
    ],
)
def test_another_loader_is_refused(loader, named):
    with pytest.raises(InputError, match=named) as refused:
        list(find_minibatches(loader))
    assert "loader" in str(refused.value)


def test_images_take_the_precision_of_the_model():
    assert move_to(IMAGES, torch.nn.Linear(2, 2).double()).dtype == torch.float64
    assert move_to(IMAGES, torch.nn.ReLU()) is IMAGES


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_images_twice_in_a_minibatch_are_counted_in_one_warning(kind):
    images = torch.linspace(0, 1, 8 * 48).reshape(8, 3, 4, 4).to(kind)
    twice = [torch.cat([images[:4], images[:4]]), images, images[[0, 0, 0, 1, 2, 3, 4, 5]].transpose(2, 3)]
    with pytest.warns(UserWarning, match="loader repeats images .* 6 in all") as warned:
        passed = list(warn_of_repeats(twice))
    assert len(warned) == 1 and all(one is other for one, other in zip(passed, twice, strict=True))


def test_images_that_come_again_in_another_minibatch_or_nearly_give_no_warning(recwarn):
    near = torch.nextafter(IMAGES, IMAGES + 1)
    list(warn_of_repeats([IMAGES, IMAGES, torch.cat([IMAGES, near])]))
    assert not recwarn


@pytest.mark.parametrize("shape, why", [((2, 4, 8, 8), "3 channels"), ((2, 3, 1, 1), "[Kk]ernel size")])
def test_a_model_that_cannot_take_the_images_is_refused(shape, why):
    model = torch.nn.Conv2d(3, 2, 2).train()
    check_pass("vit", model, IMAGES)
    with pytest.raises(InputError, match=rf"vit \(Conv2d\) .* loader .*{why}") as refused:
        check_pass("vit", model, torch.ones(shape))
    assert str(shape[1:]) in str(refused.value) and model.training


def test_what_is_no_module_is_refused():
    with pytest.raises(InputError, match="vit must be a torch.nn.Module"):
        check_model("vit", "vit_pocket_patch8_56")
