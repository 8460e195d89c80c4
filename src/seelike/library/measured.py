"""What every result of the library gives: an array with named axes, a table, JSON, and intervals of effects of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seelike.measures.intervals import Estimate, estimate, jackknife
from seelike.results.labelled_array import LabelledArray

if TYPE_CHECKING:
    from pandas import DataFrame

ALL = slice(None)
Chosen = np.ndarray | slice  # numbers of draws


class Measured(ABC):
    """A result. Its draws are what an interval leaves out in turn: minibatches, images, or folds of labelled images."""

    @property
    @abstractmethod
    def n_draws(self) -> int:
        """How many draws there are."""

    @abstractmethod
    def compute(self, chosen: Chosen) -> np.ndarray:
        """The values from some of the draws."""

    @abstractmethod
    def array(self) -> LabelledArray:
        """The values with their axes."""

    @property
    def values(self) -> np.ndarray:
        """The values from all draws, in the order of `axes`."""
        return self.compute(ALL)

    @property
    def axes(self) -> dict[str, list]:
        """Name → labels of each axis of `values`."""
        return self.array().axes

    def estimate(self, effect: Callable[[np.ndarray], float]) -> Estimate:
        """`effect`, a function of an array like `values`, with a 95 % jackknife interval over the draws.

        The bounds are NaN where there are fewer than eight draws.
        """
        return estimate(jackknife(self.n_draws, lambda chosen: float(effect(self.compute(chosen)))))

    def to_dataframe(self) -> "DataFrame":
        """The values as a table: the last axis along the columns."""
        return self.array().to_dataframe()

    def to_json(self) -> str:
        """The array as it stands in a result file."""
        return self.array().to_json()

    def save(self, path: str | Path) -> Path:
        """Write that to a file, whole or not at all; returns its path."""
        return self.array().save(path)
