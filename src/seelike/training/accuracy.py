"""How often a model is right about drawings, and what an answer is worth: chance, pixels, single cues."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from seelike.images.drawings import IMAGE_SIZE
from seelike.images.shapes import CUES, Shapes, best_accuracy
from seelike.measures.ridge import choose_penalty, fit

N_TEST = 2000  # drawings of a card's accuracy
N_PIXELS = 3000  # training drawings of the linear classifier on pixels
PENALTIES = tuple(10.0**power for power in range(1, 8))


def normalize(images: torch.Tensor) -> torch.Tensor:
    """What timm's transform does for the bundled models: 0…255 to −1…1."""
    return images.float() / 127.5 - 1


@torch.inference_mode()
def measure_accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers to (n, 3, h, w) uint8 images, in evaluation mode."""
    return float((answer(model, images) == labels).float().mean())


@torch.inference_mode()
def answer(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The classes (n,) that a model takes (n, 3, h, w) uint8 images for, in evaluation mode."""
    return pass_in_parts(model, lambda part: model(part).argmax(1), images)


def label(model: nn.Module, images: torch.Tensor, side: int = IMAGE_SIZE) -> torch.Tensor:
    """What a model with a decoder takes the cells of a grid of (n, 3, h, w) uint8 images for, (n, side, side) uint8.

    The label of the largest probability, the mean over the cell's pixels; by default each pixel is a cell.
    """
    score = lambda part: adaptive_avg_pool2d(model.forward_both(part)[1].softmax(1), side)  # noqa: E731
    return pass_in_parts(model, lambda part: score(part).argmax(1).byte(), images)


@torch.inference_mode()
def pass_in_parts(model: nn.Module, call: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """What `call` gives for (n, 3, h, w) uint8 images, once normalised, with the model in evaluation mode."""
    device = next(model.parameters()).device
    model.eval()
    return torch.cat([call(normalize(part.to(device))).cpu() for part in images.split(250)])


def sort_by_agreement(given: dict[str, torch.Tensor], labels: torch.Tensor, n_each: int) -> dict[str, list[int]]:
    """The numbers of the first `n_each` drawings that all models get right, that divide them, that all get wrong.

    Args:
        given: model → its answers (n,).
        labels: the classes (n,).
    """
    right = torch.stack([answers == labels for answers in given.values()]).float().mean(0)
    groups = {"all right": right == 1, "divided": (right > 0) & (right < 1), "all wrong": right == 0}
    return {group: where.nonzero()[:n_each, 0].tolist() for group, where in groups.items()}


def measure_baselines(n_test: int = N_TEST) -> dict[str, float]:
    """What the task takes: the accuracy of guessing, of a linear classifier on pixels, of an ideal reader of one cue.

    Of three cues the best is taken. The linear classifier is measured on the first `n_test` test drawings.
    """
    return {
        "guessing": 1 / len(Shapes.classes),
        "linear classifier on pixels": measure_linear_on_pixels(N_PIXELS, n_test),
        "ideal reader of one cue": max(best_accuracy((cue,)) for cue in CUES),
        "ideal reader of all cues": best_accuracy(),
    }


def measure_linear_on_pixels(n_train: int, n_test: int) -> float:
    """Accuracy of ridge regression from all pixels to ±1 targets, the penalty chosen on a fifth of the drawings.

    In its dual form, `seelike.measures.ridge`; the features are centred, not scaled.
    """
    images, labels = Shapes("train").stack(n_train)
    x, y = normalize(images).flatten(1), 2.0 * nn.functional.one_hot(labels, 10).double() - 1
    best = choose_penalty(x, y, n_train // 5, PENALTIES)
    test_images, test_labels = Shapes("test").stack(n_test)
    linear = fit(x, y, best)
    answers = [linear.predict(normalize(part).flatten(1)).argmax(1) for part in test_images.split(250)]
    return float((torch.cat(answers) == test_labels).float().mean())
