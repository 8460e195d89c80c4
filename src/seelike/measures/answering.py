"""What a model answers: by its own head, or by one fitted to its features where it has none that fits.

A fitted head is a linear probe (see `seelike.measures.probes`) on the features that the model's own head would read,
as a layer of its own, so that a model with such a head answers as any classifier does.
"""

import torch
from torch import nn
from torch.nn.functional import one_hot

from seelike.activations.flattened import Outputs
from seelike.measures.features import Features
from seelike.measures.probes import PENALTIES, scale
from seelike.measures.ridge import choose_penalty, decompose

ANSWER = ""  # the module name of a model itself, which returns the logits
HELD_OUT = 5  # one of so many images chooses the penalty


def choose_class(logits: torch.Tensor) -> torch.Tensor:
    """The class of the largest logit, (…, classes) → (…)."""
    return logits.argmax(-1)


def read_answers(n_images: int) -> Features:
    """The classes that a model takes so many images for; {ANSWER: (n,)}."""
    return Features(Outputs((ANSWER,), choose_class), n_images)


def share_right(answers: torch.Tensor, labels: torch.Tensor, n_draws: int) -> torch.Tensor:
    """Accuracy by draw of images, (draws,), of (n,) answers, or (draws, positions) of (n, positions).

    Draws are equally many images that follow one another.
    """
    right = (answers == labels.view(-1, *[1] * (answers.ndim - 1))).double()
    return right.unflatten(0, (n_draws, -1)).mean(1)


class Pooled(nn.Module):
    """A model that returns the features (n, d) which its own head would read."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model.forward_head(self.model.forward_features(images), pre_logits=True)


def fit_head(features: torch.Tensor, labels: torch.Tensor, n_classes: int) -> nn.Linear:
    """The linear head that ridge regression to ±1 for each class gives, with a penalty chosen on a fifth of the images.

    Args:
        features: (n, d), in an order that has nothing to do with the classes.
        labels: (n,), from 0.
    """
    mean, spread = scale(features.double())
    x, y = (features.double() - mean) / spread, 2.0 * one_hot(labels, n_classes).double() - 1
    penalty = choose_penalty(x, y, max(1, len(x) // HELD_OUT), PENALTIES)
    ridge = decompose(x, y)
    weights = ridge.weights(penalty)
    head = nn.Linear(x.shape[1], n_classes)
    head.weight.data = (weights / spread.mT).mT.float()
    head.bias.data = (ridge.center - (ridge.mean + mean / spread) @ weights)[0].float()
    return head.eval()
