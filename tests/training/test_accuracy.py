"""Accuracy: counted by hand, and the baselines that say what the task takes."""

import pytest
import timm
import torch
from torch import nn

from seelike.images.shapes import Shapes
from seelike.models.loading import transform_of
from seelike.training import accuracy
from seelike.training.accuracy import measure_accuracy, measure_linear_on_pixels, normalize, sort_by_agreement


class Brightest(nn.Module):
    """Answers 1 for a bright image and 0 for a dark one, and never in training mode."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        assert not self.training
        mean = self.weight * images.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


def test_counts_right_answers():
    images = torch.tensor([0, 10, 250, 255], dtype=torch.uint8)[:, None, None, None].expand(4, 3, 2, 2)
    assert measure_accuracy(Brightest(), images, torch.tensor([0, 0, 1, 1])) == 1
    assert measure_accuracy(Brightest(), images, torch.tensor([0, 1, 1, 1])) == 0.75
    assert measure_accuracy(Brightest(), images, torch.tensor([1, 1, 0, 0])) == 0


def test_drawings_are_sorted_by_agreement():
    labels = torch.tensor([0, 1, 2, 3, 4])
    given = {"one": torch.tensor([0, 1, 9, 3, 9]), "other": torch.tensor([0, 9, 9, 3, 4])}
    assert sort_by_agreement(given, labels, 5) == {"all right": [0, 3], "divided": [1, 4], "all wrong": [2]}
    assert sort_by_agreement(given, labels, 1) == {"all right": [0], "divided": [1], "all wrong": [2]}


def test_normalises_as_timms_transform_does():
    transform = transform_of(timm.create_model("vit_pocket_patch8_56"))
    images, _ = Shapes("validation").stack(2)
    torch.testing.assert_close(transform(Shapes("validation")[1][0]), normalize(images)[1], rtol=0, atol=1e-6)


def test_a_linear_classifier_on_pixels_stays_under_35_percent():
    assert 0.13 < measure_linear_on_pixels(3000, 1000) < 0.35


def test_baselines_say_that_no_cue_suffices(monkeypatch):
    monkeypatch.setattr(accuracy, "N_PIXELS", 200)
    baselines = accuracy.measure_baselines(100)
    assert baselines["guessing"] == pytest.approx(0.1)
    assert baselines["ideal reader of one cue"] < 0.7 < baselines["ideal reader of all cues"]
