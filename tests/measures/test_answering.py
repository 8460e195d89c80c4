"""A model's answers, its own head's or a fitted one's."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.measures.answering import ANSWER, Pooled, fit_head, read_answers, share_right
from seelike.measures.probes import PENALTIES
from seelike.measures.ridge import choose_penalty, decompose
from seelike.measures.runner import Cast, feed


def test_answers_are_the_classes_of_the_largest_logits():
    model = nn.Identity()
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]])
    cast = Cast({"vit": model})
    answers = cast.add("vit", read_answers(4))
    assert feed([{"vit": logits}, {"vit": -logits}], cast)[answers][ANSWER].tolist() == [1, 0, 0, 1]


def test_accuracy_by_draw_of_images():
    labels = torch.tensor([0, 1, 2, 0])
    assert share_right(torch.tensor([0, 1, 0, 0]), labels, 2).tolist() == [1.0, 0.5]
    positions = torch.tensor([[0, 1], [1, 1], [2, 2], [1, 0]])
    assert share_right(positions, labels, 2).tolist() == [[1.0, 0.5], [0.5, 1.0]]


def make_features(n: int = 200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    features = nn.functional.one_hot(labels, 3).float() * torch.tensor([1.0, 10.0, 100.0])
    return features + torch.tensor([0.1, 1.0, 10.0]) * torch.randn(n, 3, generator=generator), labels


def test_a_fitted_head_is_the_ridge_regression_of_standardised_features():
    features, labels = make_features()
    x = features.double()
    x = (x - x.mean(0)) / x.std(0, correction=0)
    y = 2.0 * nn.functional.one_hot(labels, 3).double() - 1
    expected = decompose(x, y).predict(x, choose_penalty(x, y, 40, PENALTIES))
    torch.testing.assert_close(fit_head(features, labels, 3)(features).double(), expected, atol=1e-4, rtol=1e-4)


def test_a_fitted_head_tells_new_images_and_learns_nothing_from_shuffled_labels():
    features, labels = make_features()
    new, known = make_features(seed=1)
    assert (fit_head(features, labels, 3)(new).argmax(1) == known).float().mean() > 0.95
    shuffled = labels[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    assert (fit_head(features, shuffled, 3)(new).argmax(1) == known).float().mean() < 0.6


def test_a_head_keeps_room_for_a_class_without_images():
    features, labels = make_features()
    assert fit_head(features, labels, 4)(features).shape == (200, 4)
    assert (fit_head(features, labels, 4)(features).argmax(1) == labels).float().mean() > 0.95


@pytest.mark.parametrize("name", ["vit_pocket_patch8_56", "vit_pocket_patch8_gap_56", "resnet10t"])
def test_pooled_features_are_what_the_own_head_reads(name):
    model = timm.create_model(name).eval()
    images = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        np.testing.assert_allclose(model.get_classifier()(Pooled(model)(images)), model(images), atol=1e-5)
