"""How large is what each block returns: the L2 norm of its output for an image, flattened, averaged over images."""

from dataclasses import dataclass

import numpy as np
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import Outputs
from seelike.measures.intervals import Terms, jackknife
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes


class Norms:
    """Accumulator of mean norms, one array a minibatch."""

    def __init__(self, architecture: Architecture):
        self.read = Outputs(architecture.names(), _average_norm)
        self.minibatches: list[np.ndarray] = []

    def update(self, found: dict[str, torch.Tensor]) -> None:
        """Add one minibatch."""
        self.minibatches.append(np.array([norm.item() for norm in found.values()]))

    def merge(self, *others: "Norms") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "BlockNorms":
        """Of every block."""
        return BlockNorms(self.read.layers, np.array(self.minibatches))


def _average_norm(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.norm(dim=1).mean()


@dataclass(frozen=True)
class BlockNorms:
    """Mean norms; `minibatches` is (minibatches, blocks)."""

    blocks: tuple[str, ...]
    minibatches: np.ndarray

    def array(self) -> LabelledArray:
        """The labelled array for a result file."""
        return LabelledArray({"layer": self.blocks}, self.minibatches.mean(0))


def compare(vit: BlockNorms, cnn: BlockNorms) -> dict[str, Terms]:
    """X1: a term of each model, of the same minibatches."""

    def grow(norms: BlockNorms) -> np.ndarray:
        return jackknife(len(norms.minibatches), lambda chosen: norm_growth(norms.minibatches[chosen]))

    return {"X1": {("vit",): grow(vit), ("cnn",): -grow(cnn)}}


def norm_growth(minibatches: np.ndarray) -> float:
    """X1: log of the last block's mean norm over the first one's, of (minibatches, blocks)."""
    norms = minibatches.mean(0)
    return float(np.log(norms[-1] / norms[0]))
