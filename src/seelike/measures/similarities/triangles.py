"""Symmetric matrices of which one triangle is kept: products of all pairs of layers, a minibatch's after another's."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import overload

import numpy as np


class Triangles(Sequence[np.ndarray]):
    """Symmetric matrices (n, n), each kept as its upper triangle and put together when it is asked for.

    Args:
        matrices: what is below their diagonals is not looked at.
    """

    def __init__(self, matrices: Iterable[np.ndarray] = ()):
        self._size, self._triangles = 0, []
        for matrix in matrices:
            self.append(matrix)

    def append(self, matrix: np.ndarray) -> None:
        """Add one, of the size of the others."""
        self._size = len(matrix)
        self._triangles.append(matrix[_find_upper(self._size)])

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, place: slice) -> list[np.ndarray]: ...

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self._mirror(self._triangles[place])

    def __len__(self) -> int:
        return len(self._triangles)

    def _mirror(self, triangle: np.ndarray) -> np.ndarray:
        matrix, upper = np.empty((self._size, self._size), triangle.dtype), _find_upper(self._size)
        matrix[upper] = matrix.T[upper] = triangle
        return matrix


@lru_cache(maxsize=4)
def _find_upper(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the upper triangle."""
    return np.triu_indices(size)
