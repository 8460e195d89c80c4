"""Linear probes: what can be read off a representation by a linear map (paper, section 7 and Figs 11, 13).

A probe is a regularised least-squares map, in closed form, from features to one target of ±1 for each class; an image
is taken for the class of the largest output. It learns from ten images a class ("10 shots"). Every choice:

- **Folds.** The images are dealt into ten disjoint folds, each class's in an order drawn from the seed. In each fold
  the first ten of every class are for training, all others for testing. A fold is a draw of training AND test images:
  an interval over folds covers both.
- **Features** are standardised: less the mean, over the standard deviation (of n, not n − 1) of the fold's training
  images, channel by channel, and for each position by itself. A channel that varies less than 10⁻⁵ of the most
  variable one is divided by that bound instead.
- **Penalty.** A fifth of the training images (two a class) is held out; of `PENALTIES` the one with the smallest
  squared error there is taken, the smaller of two equals, by each position for itself. The probe then learns from all
  the training images.
- **Positions.** Where a layer has several positions, each has a probe of its own; the score is their mean.

With real-valued targets the same probes read off a position or any other number, and are scored by R².
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import one_hot

from seelike.measures.ridge import choose_penalty, fit
from seelike.system.errors import InputError
from seelike.system.progress import track

DRAWS = 10
SHOTS = 10  # training images a class
PENALTIES = tuple(10.0**power for power in range(-1, 7))
LEAST_SPREAD = 1e-5  # of the most variable channel's, below which a channel counts as constant


@dataclass(frozen=True)
class Fold:
    """One draw: the numbers of its training images, of which the first `n_held_out` choose the penalty, and of its
    test images."""

    train: torch.Tensor
    test: torch.Tensor
    n_held_out: int


def choose_folds(
    labels: torch.Tensor, n_draws: int = DRAWS, shots: int = SHOTS, seed: int = 0, parameter: str = "n_probe_images"
) -> list[Fold]:
    """Deal images with these labels (n,) into disjoint folds, each with `shots` training images a class.

    Raises InputError, which names `parameter`, where a class has fewer than shots + 1 images for each fold.
    """
    generator = torch.Generator().manual_seed(seed)
    classes, counts = labels.unique(return_counts=True)
    least = n_draws * (shots + 1)
    if len(classes) < 2 or counts.min() < least:
        raise InputError(
            f"{parameter} must give two classes or more, and each at least {least} images ({n_draws} draws of "
            f"{shots} to train and 1 to test a probe), not {len(classes)} of at least {min(counts.tolist(), default=0)}"
        )
    own = [(labels == label).nonzero()[:, 0] for label in classes]
    own = [numbers[torch.randperm(len(numbers), generator=generator)] for numbers in own]
    return [_deal([numbers[fold::n_draws] for numbers in own], shots) for fold in range(n_draws)]


def measure_accuracy(features: dict[str, torch.Tensor], labels: torch.Tensor, folds: Sequence[Fold]) -> np.ndarray:
    """Accuracy of probes for classes, (draws, layers): the share of a fold's test images, averaged over positions.

    Args:
        features: layer → (n, channels), or (n, positions, channels).
        labels: (n,) of any whole numbers.
        folds: from `choose_folds(labels)`.
    """
    classes, numbers = labels.unique(return_inverse=True)
    signs = 2.0 * one_hot(numbers, len(classes)).double() - 1

    def accuracy(predicted: torch.Tensor, fold: Fold) -> torch.Tensor:
        return (predicted.argmax(-1) == numbers[fold.test]).double().mean(-1)

    return _measure(features, signs, folds, accuracy)


def measure_r2(features: dict[str, torch.Tensor], targets: torch.Tensor, folds: Sequence[Fold]) -> np.ndarray:
    """R² of probes for numbers, (draws, layers), on a fold's test images, averaged over targets, then positions.

    R² is 1 − Σ(predicted − true)² / Σ(true − mean of the test images' true)²: 1 if read off exactly, 0 or less if
    a constant does as well.

    Args:
        features: as for `measure_accuracy`.
        targets: (n, targets), real numbers; each is standardised over all images, so that all weigh alike in the
            choice of the penalty.
        folds: as for `measure_accuracy`.
    """

    scaled = (targets.double() - targets.double().mean(0)) / targets.double().std(0, correction=0)

    def r2(predicted: torch.Tensor, fold: Fold) -> torch.Tensor:
        true = scaled[fold.test]
        return (1 - (predicted - true).square().sum(-2) / (true - true.mean(0)).square().sum(-2)).mean(-1)

    return _measure(features, scaled, folds, r2)


def _measure(features, targets, folds, score: Callable) -> np.ndarray:
    check_finite(*features.values())
    scores = np.empty((len(folds), len(features)))
    for draw, fold in enumerate(track(folds, "fit probes")):
        for layer, x in enumerate(features.values()):
            scores[draw, layer] = float(score(read(x, targets, fold), fold).mean())
    return scores


def read(x: torch.Tensor, targets: torch.Tensor, fold: Fold) -> torch.Tensor:
    """What the probes of all positions, (positions, test images, targets), say of a fold's test images."""
    x = x[:, None] if x.ndim == 2 else x
    train, test = (x[numbers].transpose(0, 1).double() for numbers in (fold.train, fold.test))
    mean, spread = scale(train)
    train, test, known = (train - mean) / spread, (test - mean) / spread, targets[fold.train]
    penalty = choose_penalty(train, known, fold.n_held_out, PENALTIES)
    return fit(train, known, penalty).predict(test)


def check_finite(*features: torch.Tensor) -> None:
    """Raises InputError for NaN or infinite values."""
    if not all(torch.stack(x.aminmax()).isfinite().all() for x in features):  # no copy of x, unlike isfinite
        raise InputError("features must be finite: there are NaN or infinite values")


def scale(train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What features (…, n, channels) are standardised by: their mean and their spread, each (…, 1, channels)."""
    spread, mean = torch.std_mean(train, -2, correction=0, keepdim=True)
    least = (LEAST_SPREAD * spread.amax(-1, keepdim=True)).clamp_min(torch.finfo(train.dtype).tiny)
    return mean, spread.maximum(least)


def _deal(own: list[torch.Tensor], shots: int) -> Fold:
    """A fold of one list of images a class; training images go round robin, so that those held out are balanced."""
    train = torch.stack([numbers[:shots] for numbers in own], 1).flatten()
    return Fold(train, torch.cat([numbers[shots:] for numbers in own]), max(1, shots // 5) * len(own))
