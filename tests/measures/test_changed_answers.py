"""Models asked about changed images: each sees its own, once, and accuracies are those of its answers."""

import pytest
import torch
from torch import nn

from seelike.measures.changed_answers import ChangedAnswers
from seelike.measures.kept import INTACT
from seelike.measures.perturbations import show_views
from seelike.measures.runner import Cast, feed

NEGATIVE, SHIFTED = ("negative", 1.0), ("shifted", 1.0)


class Sign(nn.Module):
    """Answers 1 for images of positive mean, else 0."""

    num_classes = 2

    def __init__(self, shift: float = 0.0):
        super().__init__()
        self.shift, self.seen = shift, []

    def forward(self, images):
        self.seen.append(len(images))
        mean = images.mean((1, 2, 3)) + self.shift
        return torch.stack([-mean, mean], 1)


def test_accuracy_in_every_condition():
    model, other = Sign(), Sign(shift=10.0)
    values = torch.tensor([1.0, -1.0, 2.0, -2.0])
    images = values[:, None, None, None].expand(4, 3, 2, 2)
    cast = Cast({"vit": model})
    answers = ChangedAnswers(cast, 4, 2)
    answers.ask("vit", INTACT)
    answers.ask("vit", NEGATIVE, lambda images, _: -images)
    answers.ask("vit", SHIFTED, model=other)
    found = feed(show_views(iter([{"vit": images[:2]}, {"vit": images[2:]}]), answers.views, 4, 2), cast)
    (kept,) = answers.gather(found, {"vit": (values > 0).long()}).values()
    assert kept.chance == 0.5
    assert {each: own.tolist() for each, own in kept.accuracy.items()} == {
        INTACT: [1.0, 1.0], NEGATIVE: [0.0, 0.0], SHIFTED: [0.5, 0.5],
    }  # fmt: skip
    assert model.seen == [2] * 4 and other.seen == [2] * 2
    assert kept.share(NEGATIVE)[0] == pytest.approx(-1)
