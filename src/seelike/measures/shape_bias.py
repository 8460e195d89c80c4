"""Does a model go by shape or by texture? Geirhos et al. (2019): pictures in which the two speak for different classes.

Of the decisions for a class that has the picture's shape or its texture, the share for shape. A decision is the group
of classes with the largest mean probability; where every group is one class it is the model's answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from seelike.measures.intervals import jackknife
from seelike.results.labelled_array import LabelledArray

DECISIONS = ("shape", "texture", "neither")


class Grouped:
    """Reduces logits (n, classes) to the group of classes that a model decides for: (n,)."""

    def __init__(self, groups: Sequence[Sequence[int]]):
        self.groups = [list(group) for group in groups]

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        chances = logits.double().softmax(-1)
        return torch.stack([chances[:, group].mean(1) for group in self.groups], 1).argmax(1)


@dataclass(frozen=True)
class Decisions:
    """How many decisions in each draw of pictures are for shape, for texture and for neither, (draws, 3)."""

    counts: np.ndarray

    @classmethod
    def of(cls, by_shape: np.ndarray, by_texture: np.ndarray, n_draws: int) -> "Decisions":
        """From whether each picture was taken for one of its shape, or of its texture, (n,) bool.

        Draws are of pictures that follow one another, as equally many as can be.
        """
        kinds = np.stack([by_shape, by_texture, ~(by_shape | by_texture)], 1)
        return cls(np.array([draw.sum(0) for draw in np.array_split(kinds, n_draws)]))

    def array(self) -> LabelledArray:
        """The labelled array for a result file: shares of all pictures."""
        return LabelledArray({"decision": list(DECISIONS)}, self.counts.sum(0) / self.counts.sum())

    def bias_array(self) -> LabelledArray:
        """The labelled array of the shape bias alone."""
        return LabelledArray({"pictures": ["cue conflicts"]}, self.bias()[:1])

    def bias(self, of: str = "decided") -> np.ndarray:
        """I4 of one model: the replicates of its shape bias, (draws + 1,); NaN where nothing is decided for either.

        Args:
            of: another of `BIASES` is the surplus of decisions for shape, as a share of all pictures.
        """
        return jackknife(len(self.counts), lambda chosen: BIASES[of](*self.counts[chosen].sum(0)))


def _bias(shape: float, texture: float, _: float) -> float:
    return shape / (shape + texture) if shape + texture else np.nan


def _surplus(shape: float, texture: float, neither: float) -> float:
    return (shape - texture) / (shape + texture + neither)


BIASES = {"decided": _bias, "all": _surplus}
