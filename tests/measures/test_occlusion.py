"""Occlusion: a linear model's closed form, loops, and what it does not depend on."""

import numpy as np
import timm
import torch
from torch import nn

from seelike.measures import occlusion


class Linear(nn.Module):
    """Two classes, each a weighted sum of the pixels."""

    def __init__(self, weights: torch.Tensor, num_classes: int = 2):
        super().__init__()
        self.weights, self.num_classes = nn.Parameter(weights), num_classes

    def forward(self, x):
        return torch.einsum("nchw,kchw->nk", x, self.weights)


def test_a_linear_models_map_is_weight_times_pixel(generator):
    weights, x = torch.randn(2, 2, 3, 12, 8, generator=generator).unbind(0)
    found = occlusion.occlude(Linear(weights), x, (4, 4)).values
    assert found.shape == (2, 3, 2)
    chosen = Linear(weights)(x).argmax(1)
    expected = (weights[chosen] * x).sum(1).unflatten(1, (3, 4)).unflatten(3, (2, 4)).sum((2, 4))
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-4, atol=1e-5)


def test_a_model_without_classes_is_scored_along_its_own_output(generator):
    weights, x = torch.randn(2, 2, 3, 8, 8, generator=generator).unbind(0)
    model = Linear(weights, num_classes=0)
    found = occlusion.occlude(model, x, (4, 4)).values
    output = model(x).detach()
    np.testing.assert_allclose(found.sum((1, 2)), output.norm(dim=1), rtol=1e-4)  # nothing is left if all is occluded


def test_agrees_with_painting_over_one_window_after_the_other(generator):
    model = timm.create_model("vit_pocket_patch8_56", pretrained=True).train()
    x = torch.randn(2, 3, 56, 56, generator=generator)
    found = occlusion.occlude(model, x, (8, 8)).values
    assert model.training
    model.eval()
    with torch.no_grad():
        for image, each in zip(x, found, strict=True):
            whole = model(image[None])[0]
            for row, column in ((0, 0), (3, 5), (6, 6)):
                painted = image.clone()
                painted[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 0
                fall = whole.max() - model(painted[None])[0, whole.argmax()]
                assert abs(each[row, column] - float(fall)) < 1e-4


def test_a_grey_patch_counts_for_nothing_and_the_answers_object_does(generator):
    weights = torch.zeros(2, 3, 8, 8)
    weights[0, :, :4, :4] = 1
    x = torch.ones(1, 3, 8, 8)
    found = occlusion.occlude(Linear(weights), x, (4, 4)).values[0]
    np.testing.assert_allclose(found, [[48, 0], [0, 0]])
    x[:, :, :4, :4] = 0
    assert not occlusion.occlude(Linear(weights), x, (4, 4)).values.any()


def test_windows_that_do_not_divide_the_image_hold_what_is_left():
    found = occlusion.occlude(Linear(torch.ones(2, 3, 10, 6)), torch.ones(1, 3, 10, 6), (4, 4))
    np.testing.assert_allclose(found.values[0], [[48, 24], [48, 24], [24, 12]])
    assert found.array().axes == {"image": [0], "y": [0, 1, 2], "x": [0, 1]}
