"""What is measured on: two models and pictures, from the command line.

Without files of weights these are the bundled models, without pictures the book's drawings: enough to see whether the
benchmarks run, but the bars are about the models and photographs that `bench.py --help` names.
"""

import argparse
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import find_blocks, hooked
from seelike.images import datasets
from seelike.models import loading as models

PUBLIC = {"vit": "vit_small_patch14_dinov2", "cnn": "tf_efficientnet_lite0"}  # architectures: speed is theirs
BUNDLED = {"vit": "vit_pocket_patch8_56.shapes", "cnn": "resnet_pocket.shapes"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where weights and pictures lie, and how many of them are taken."""
    parser.add_argument("--vit-weights", default="", help=f"a file for {PUBLIC['vit']}; left out: a bundled ViT")
    parser.add_argument("--cnn-weights", default="", help=f"a file for {PUBLIC['cnn']}; left out: a bundled ResNet")
    parser.add_argument("--photographs", default="", help="a folder or .tar of 1,000 or more; left out: drawings")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)


@dataclass(frozen=True)
class Case:
    """Two models, {"vit": …, "cnn": …}, their names and the pictures that both see."""

    models: dict[str, nn.Module]
    names: dict[str, str]
    pictures: str
    given: argparse.Namespace

    @classmethod
    def of(cls, given: argparse.Namespace) -> "Case":
        """Raises InputError for files that are no such weights or pictures."""
        files = {"vit": given.vit_weights, "cnn": given.cnn_weights}
        names = {role: PUBLIC[role] if file else BUNDLED[role] for role, file in files.items()}
        size = 224 if given.vit_weights else 0
        loaded = {role: models.load_model(role, names[role], files[role], size, "cpu") for role in files}
        return cls(loaded, names, "photographs" if given.photographs else "drawings", given)

    def minibatches(self, n_images: int = 0, batch: int = 0):
        """{"vit": (n, 3, h, w), "cnn": …}, read anew, so that no more than one minibatch is in memory."""
        n_images, batch = n_images or self.given.images, batch or self.given.batch
        images = datasets.open_images("folder" if self.given.photographs else "shapes", self.given.photographs)
        chosen = torch.utils.data.Subset(images, range(n_images))
        size = 224 if self.given.vit_weights else 0
        transforms = {role: models.transform_of(model, size) for role, model in self.models.items()}
        return datasets.load_minibatches(chosen, transforms, batch, "cpu")

    def keep(self, n_images: int = 0, batch: int = 0) -> list[dict[str, torch.Tensor]]:
        """The same, all read before the clock starts."""
        return list(self.minibatches(n_images, batch))

    def layers(self, layers: str = "blocks") -> dict[str, list[str]]:
        """Model → names of its layers."""
        (images,) = islice(self.minibatches(1, 1), 1)
        return {role: [*Architecture.of(model, images[role]).names(layers)] for role, model in self.models.items()}

    def parts(self, role: str) -> list[str]:
        """Names of a model's modules inside its blocks that have no parts of their own and run once in a pass."""
        model = self.models[role]
        blocks = tuple(f"{name}." for name in find_blocks(model))
        inner = [name for name, part in model.named_modules() if name.startswith(blocks) and not list(part.children())]
        (images,), reached = islice(self.minibatches(1, 1), 1), []
        with torch.inference_mode(), hooked(model, inner, lambda name, _: reached.append(name)):
            model(images[role])
        return [name for name in reached if reached.count(name) == 1]
