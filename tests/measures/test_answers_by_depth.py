"""Answers by depth: at the end those of the model itself; before, its own head on what a block returns."""

import pytest
import timm
import torch
from torch import nn

from seelike.measures.answers_by_depth import answer_by_depth
from seelike.models import bundled  # noqa: F401
from seelike.system.errors import InputError

DESIGNS = ("vit_pocket_patch8_56", "vit_pocket_patch8_gap_56", "mixer_pocket_patch8_56", "resnet_pocket")


def images(n=2):
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=DESIGNS)
def model(request):
    return timm.create_model(f"{request.param}.shapes", pretrained=True).eval()


def test_the_last_block_answers_as_the_model_does(model):
    found = answer_by_depth(model, images())
    with torch.no_grad():
        torch.testing.assert_close(found.values[:, -1, 0], model(images()).softmax(-1))
    torch.testing.assert_close(found.values.sum(-1), torch.ones(found.values.shape[:-1]))


def test_a_block_is_read_as_if_it_were_the_last():
    """Oracle: the same ViT cut off after a block."""
    model = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True).eval()
    found = answer_by_depth(model, images())
    model.blocks = model.blocks[:3]
    with torch.no_grad():
        torch.testing.assert_close(found.values[:, 2, 0], model(images()).softmax(-1))
        patches = model.forward_features(images())[:, 1:]
        torch.testing.assert_close(found.values[:, 2, 1:], model.head(patches).softmax(-1))


def test_blocks_of_another_width_are_left_out():
    model = timm.create_model("resnet_pocket.shapes", pretrained=True).eval()
    found = answer_by_depth(model, images())
    assert found.blocks == tuple(f"stages.3.blocks.{number}" for number in range(3))
    assert found.values.shape == (2, 3, 1 + 49, 10)


def test_the_mean_of_positions_is_of_logits_not_of_probabilities():
    model = timm.create_model("vit_pocket_patch8_gap_56.shapes", pretrained=True).eval()
    values = answer_by_depth(model, images()).values
    logits = values[:, :, 1:].log()
    mean = (logits - logits[..., :1]).mean(2).softmax(-1)
    torch.testing.assert_close(values[:, :, 0], mean, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(values[:, :, 0], values[:, :, 1:].mean(2), atol=1e-3)


def test_what_answers_in_another_way_is_refused():
    with pytest.raises(InputError, match="linear layer.*ResNet does not"):
        answer_by_depth(timm.create_model("resnet10t", num_classes=4).eval(), images())
    headless = timm.create_model("vit_pocket_patch8_56.shapes", num_classes=0).eval()
    assert isinstance(headless.head, nn.Identity)
    with pytest.raises(InputError, match="linear layer"):
        answer_by_depth(headless, images())
