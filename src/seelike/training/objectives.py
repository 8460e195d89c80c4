"""What a run learns of its images: the loss of a step, and how good the model has become, by a recipe's `objective`.

Each keeps on the device what its steps need, and says by `plan` what a step takes: a row of each table, the learning
rate last.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from seelike.measures.clusters import count_pairs, mutual_information
from seelike.measures.segmentation import mean_iou, tabulate
from seelike.models.dense import N_LABELS
from seelike.models.recipe_kinds import Recipe
from seelike.models.scale_tokens import Reading, ScaleTokens
from seelike.training.accuracy import answer, label, measure_accuracy, normalize
from seelike.training.augmentation import augment
from seelike.training.contrast import INSTANCE_TEMPERATURE, contrast, contrast_clusters
from seelike.training.plan import plan_steps
from seelike.training.tasks import label_first_pixels, load_images, load_pixels, load_task
from seelike.training.views import draw_views, make_view

IN_PART = 250  # images at a time


@dataclass(frozen=True)
class Source:
    """Where a run's images come from: a folder of drawings, their size in pixels, a folder of photographs."""

    runs: Path
    size: int
    data_dir: str
    device: str


class Classes:
    """The class of each image."""

    def __init__(self, recipe: Recipe, source: Source, n_held_out: int):
        self.recipe = recipe
        self.images, self.labels = _load(recipe.task, recipe.images, source)
        self.held_out = load_task(recipe.task, "validation", n_held_out, source.size, source.data_dir)
        self.plan = plan_steps(recipe)

    def loss(
        self, model: nn.Module, chosen: torch.Tensor, flipped: torch.Tensor, corners: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of a minibatch."""
        images = self.images[chosen]
        if self.recipe.augment:
            images = augment(images, flipped, corners)
        return cross_entropy(model(normalize(images)).float(), self.labels[chosen])

    def score(self, model: nn.Module) -> dict[str, float]:
        """How good the model is on images held out."""
        return {"accuracy": measure_accuracy(model, *self.held_out)}


class Clusters:
    """Clusters of images: no label is kept for training; those of images held out only say how it goes."""

    def __init__(self, recipe: Recipe, source: Source, n_held_out: int):
        self.recipe = recipe
        self.images = _load(recipe.task, recipe.images, source)[0]
        self.held_out = load_task(recipe.task, "validation", n_held_out, source.size, source.data_dir)
        chosen, *_, rates = plan_steps(recipe)
        drawn = torch.from_numpy(draw_views(recipe.steps, recipe.batch_size, recipe.seed))
        self.plan = chosen, drawn, rates

    def loss(self, model: nn.Module, chosen: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        """Weighted sum of the contrasts of images and of clusters."""
        exactly = partial(torch.autocast, chosen.device.type, enabled=False)
        with exactly():
            images = self.images[chosen].float() / 255
            views = [make_view(images, drawn[i], self.recipe.views, second=i == 1) for i in range(2)]
        vectors, scores = model.forward_both(2 * torch.cat(views) - 1)
        with exactly():
            found = []
            if self.recipe.instances:
                found.append(self.recipe.instances * contrast(*vectors.float().chunk(2), INSTANCE_TEMPERATURE))
            if self.recipe.columns:
                found.append(self.recipe.columns * contrast_clusters(*scores.float().chunk(2)))
        return sum(found)

    def score(self, model: nn.Module) -> dict[str, float]:
        """What clusters tell of labels, by normalized mutual information."""
        images, labels = self.held_out
        return {"information": mutual_information(count_pairs(answer(model, images), labels))}


class Pixels:
    """The class of each drawing, and what each of its pixels shows: ground, or which outline."""

    def __init__(self, recipe: Recipe, source: Source, n_held_out: int):
        self.recipe = recipe
        self.images, self.classes = _load(recipe.task, recipe.images, source)
        self.pixels = _load_pixels(recipe.task, recipe.images, source)
        self.held_out = load_task(recipe.task, "validation", n_held_out)
        self.shown = label_first_pixels(recipe.task, "validation", n_held_out)
        chosen, *_, rates = plan_steps(recipe)
        self.plan = chosen, rates

    def loss(self, model: nn.Module, chosen: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of a minibatch, and that of its pixels, weighted."""
        classes, pixels = model.forward_both(normalize(self.images[chosen]))
        of_pixels = cross_entropy(pixels.float(), self.pixels[chosen].long())
        return cross_entropy(classes.float(), self.classes[chosen]) + self.recipe.pixels * of_pixels

    def score(self, model: nn.Module) -> dict[str, float]:
        """How good the model is on images held out, by class and by pixel."""
        counts = tabulate(label(model, self.held_out[0]), self.shown, N_LABELS)
        return {"accuracy": measure_accuracy(model, *self.held_out), "miou": float(mean_iou(counts))}


class Tokens(Classes):
    """The class of each image, from what a frozen backbone makes of all images once, kept in half precision."""

    def __init__(self, recipe: Recipe, source: Source, n_held_out: int):
        super().__init__(recipe, source, n_held_out)
        self.known = partial(_make_tokens, task=recipe.task, source=source)

    def loss(self, model: nn.Module, chosen: torch.Tensor, *augmented: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of a minibatch."""
        known = self.known(model.scale_tokens.reading, split="train", n_images=self.recipe.images)
        scores = model.forward_tokens([each[chosen].float() for each in known])
        return cross_entropy(scores.float(), self.labels[chosen])

    @torch.inference_mode()
    def score(self, model: nn.Module) -> dict[str, float]:
        """How good the model is on images held out."""
        labels = self.held_out[1]
        known = self.known(model.scale_tokens.reading, split="validation", n_images=len(labels))
        model.eval()
        parts = zip(*(each.split(IN_PART) for each in known), strict=True)
        answers = [model.forward_tokens([each.float() for each in part]).argmax(1).cpu() for part in parts]
        return {"accuracy": float((torch.cat(answers) == labels).float().mean())}


OBJECTIVES = {"classes": Classes, "clusters": Clusters, "pixels": Pixels, "tokens": Tokens}


@lru_cache(8)
def _load_pixels(task: str, n_images: int, source: Source) -> torch.Tensor:
    """What the pixels of images show, likewise."""
    return torch.from_numpy(load_pixels(task, n_images, source.runs)).to(source.device)


@lru_cache(8)
def _load(task: str, n_images: int, source: Source) -> tuple[torch.Tensor, ...]:
    """Images and labels on a device, once for all runs that learn from the same."""
    loaded = load_images(task, n_images, source.runs, source.size, source.data_dir)
    return tuple(torch.from_numpy(each).to(source.device) for each in loaded)


@lru_cache(4)
def _make_tokens(reading: Reading, task: str, split: str, n_images: int, source: Source) -> list[torch.Tensor]:
    """What a frozen backbone makes of a task's images, on a device, once for all runs that read it alike."""
    if split == "train":
        images = _load(task, n_images, source)[0]
    else:
        images = load_task(task, split, n_images, source.size, source.data_dir)[0]
    make = ScaleTokens(reading).to(source.device)
    with torch.autocast(torch.device(source.device).type, enabled=False):
        parts = [make(normalize(part.to(source.device))) for part in images.split(IN_PART)]
    return [torch.cat([each.half() for each in scale]) for scale in zip(*parts, strict=True)]
