"""All pairs of layers, compared by products of what each makes of the images: sums over minibatches, one division.

A measure takes the Gram matrices of all layers, of one minibatch, to a **product** of each pair: for CKA it is HSIC₁.
The products of a layer with itself set the scale, as a norm does, so that with sums over minibatches

    similarity = Σ product(K, L) / √( Σ product(K, K) · Σ product(L, L) ).

What is known of minibatches is only their products, so that every effect of similarities has its replicates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from seelike.measures.intervals import leave_out_each
from seelike.measures.similarities.triangles import Triangles
from seelike.system import processes
from seelike.system.errors import Degenerate, InputError

AHEAD = 8  # minibatches whose products stay on a GPU until they are looked at
Products = Callable[
    [torch.Tensor], torch.Tensor
]  # Gram matrices (layers, n, n), which it may change → (layers, layers)


class AllPairs:
    """Accumulator of the products of all layers that it is shown."""

    def __init__(self, products: Products):
        self.products = products
        self.layers: tuple[str, ...] = ()
        self._seen = Triangles()
        self._waiting: list[tuple[torch.Tensor, torch.Tensor]] = []  # products, and what `examine` found

    @property
    def minibatches(self) -> Triangles:
        """The products of each, (layers, layers)."""
        waiting, self._waiting = self._waiting, []
        for products, examined in waiting:
            _refuse(examined, self.layers)
            self._seen.append(products.cpu().numpy())
        return self._seen

    def __getstate__(self) -> dict:
        """What other processes must know, none of it on this one's device."""
        return self.__dict__ | {"_seen": self.minibatches, "_waiting": []}

    def update(self, grams: dict[str, torch.Tensor]) -> None:
        """Add one minibatch: {layer: its Gram matrix, as `seelike.measures.cka.multiply` gives it}, of the same images.

        Raises InputError if the image counts differ, the layers are not those of the last minibatch, or the activations
        of one are not finite or the same for every image: of a GPU's as much as `AHEAD` minibatches later.
        """
        sizes = {name: len(k) for name, k in grams.items()}
        if len(set(sizes.values())) != 1:
            raise InputError(f"all layers need the same images, but their numbers differ: {sizes}")
        stacked = torch.stack(list(grams.values()))
        self.add(tuple(grams), stacked, examine(stacked))

    def add(self, layers: tuple[str, ...], grams: torch.Tensor, examined: torch.Tensor) -> None:
        """The same of the Gram matrices (layers, n, n) of some layers, which may be changed, and what `examine` found.

        Raises InputError as `update`, but for the image counts.
        """
        self._agree(layers)
        self._waiting.append((self.products(grams), examined))
        if len(self._waiting) > _count_ahead(grams):
            _ = self.minibatches

    def merge(self, *others: "AllPairs") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        for other in others:
            if other.minibatches:
                self._agree(other.layers)
        self._seen = Triangles(processes.interleave(self.minibatches, *(other.minibatches for other in others)))

    def result(self) -> "Similarity":
        """All pairs; raises InputError before the first minibatch."""
        if not self.minibatches:
            raise InputError("layers can only be compared on at least one full minibatch of images")
        return Similarity(self.layers, self.minibatches)

    def _agree(self, layers: tuple[str, ...]) -> None:
        if self.layers and layers != self.layers:
            raise InputError("every minibatch must come with the same layers in the same order")
        self.layers = layers


@dataclass(frozen=True)
class Similarity:
    """How alike all pairs of `layers` are; `minibatches` are the products of each, (layers, layers)."""

    layers: tuple[str, ...]
    minibatches: Sequence[np.ndarray]

    @cached_property
    def products(self) -> np.ndarray:
        """(minibatches, layers, layers), put together when they are first asked for: of many measures that is much."""
        return np.stack(self.minibatches)

    @property
    def values(self) -> np.ndarray:
        """(layers, layers), dimensionless: 1 on the diagonal."""
        return normalize(sum(self.minibatches))

    def replicates(self, effect: Callable[[np.ndarray], float]) -> np.ndarray:
        """Those of `effect`, a function of the matrix of similarities, over minibatches: (minibatches + 1,)."""
        return np.array([effect(normalize(sums)) for sums in leave_out_each(self.minibatches)], dtype=float)


def normalize(products: np.ndarray) -> np.ndarray:
    """Sums of the products of all pairs → similarities of all pairs, both (layers, layers)."""
    scale = np.sqrt(np.diag(products))
    return products / np.outer(scale, scale)


def check_values(grams: torch.Tensor, names: tuple[str, ...] = ()) -> None:
    """Refuse Gram matrices (…, n, n) that are not finite, or the same number everywhere."""
    _refuse(examine(grams), names)


def examine(grams: torch.Tensor) -> torch.Tensor:
    """(2, matrices): which Gram matrices (…, n, n) are finite, and which are not the same number everywhere."""
    finite = grams.isfinite().flatten(-2).all(-1)
    first = grams[..., :1, :1]
    varies = ((grams != first) | (first == 0)).flatten(-2).any(-1)  # what is centred may be 0 everywhere
    return torch.stack([finite, varies]).reshape(2, -1)


def _refuse(examined: torch.Tensor, names: tuple[str, ...]) -> None:
    finite, varies = examined.tolist()
    if not all(finite):
        raise InputError(f"{_say_layer(names, finite)}activations must be finite: there are NaN or infinite values")
    if not all(varies):
        raise Degenerate(
            f"{_say_layer(names, varies)}activations are the same for every image of a minibatch, which is like nothing"
        )


def _say_layer(names: tuple[str, ...], fit: list[bool]) -> str:
    return f"layer {names[fit.index(False)]}: " if names else ""


def _count_ahead(grams: torch.Tensor) -> int:
    """How many minibatches may wait: a GPU is to have its next pass before its last is looked at."""
    return AHEAD if grams.is_cuda else 0
