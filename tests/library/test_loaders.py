"""Every form of loader gives the same minibatches; others are refused by name."""

from collections import UserDict

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from seelike.library.loaders import check_model, find_minibatches, place
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
    ],
)
def test_another_loader_is_refused(loader, named):
    with pytest.raises(InputError, match=named) as refused:
        list(find_minibatches(loader))
    assert "loader" in str(refused.value)


def test_images_take_the_precision_of_the_model():
    assert place(IMAGES, torch.nn.Linear(2, 2).double()).dtype == torch.float64
    assert place(IMAGES, torch.nn.ReLU()) is IMAGES


def test_what_is_no_module_is_refused():
    with pytest.raises(InputError, match="vit must be a torch.nn.Module"):
        check_model("vit", "vit_pocket_patch8_56")
