"""How large is what each block returns: the L2 norm of its output for an image, flattened, averaged over images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import reading
from seelike.activations.forward import Reading
from seelike.activations.layers import find_layers
from seelike.measures.intervals import Estimate, bootstrap
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes


class Norms:
    """Accumulator of mean norms, one array a minibatch; `role` names the model in refusals."""

    def __init__(self, role: str):
        self.role = role
        self.blocks: list[str] = []
        self.minibatches: list[np.ndarray] = []

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """The mean norm of each block's output in a pass of these images."""
        layers = find_layers(self.role, model, "blocks", images[:1])
        self.blocks = [layer.name for layer in layers]
        return reading(model, self.blocks, len(images), lambda outputs: outputs.norm(dim=1).mean())

    def update(self, found: dict[str, torch.Tensor]) -> None:
        """Add one minibatch."""
        self.minibatches.append(np.array([norm.item() for norm in found.values()]))

    def merge(self, *others: "Norms") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.blocks = next((each.blocks for each in (self, *others) if each.blocks), [])
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "BlockNorms":
        """Of every block."""
        return BlockNorms(tuple(self.blocks), np.array(self.minibatches))


@dataclass(frozen=True)
class BlockNorms:
    """Mean norms; `minibatches` is (minibatches, blocks)."""

    blocks: tuple[str, ...]
    minibatches: np.ndarray

    def array(self) -> LabelledArray:
        """The labelled array for a result file."""
        return LabelledArray({"layer": self.blocks}, self.minibatches.mean(0))


def compare(vit: BlockNorms, cnn: BlockNorms, seed: int) -> dict[str, Estimate]:
    """X1 with an interval over minibatches, the same for both."""
    effect = lambda chosen: norm_growth(vit.minibatches[chosen]) - norm_growth(cnn.minibatches[chosen])  # noqa: E731
    return {"X1": bootstrap(np.arange(len(vit.minibatches)), effect, seed)}


def norm_growth(minibatches: np.ndarray) -> float:
    """X1: log of the last block's mean norm over the first one's, of (minibatches, blocks)."""
    norms = minibatches.mean(0)
    return float(np.log(norms[-1] / norms[0]))
