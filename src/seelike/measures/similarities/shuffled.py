"""What chance gives: CKA of layers of which one side sees the images in another order.

A layer's best match among many layers is high by chance, for it is a maximum. How high it is where there is nothing to
match, shuffled images tell: the null of a **permutation test**, on the Gram matrices of a pass, whose rows and columns
change places together. Shuffled within their classes, images keep what tells classes apart, and lose the rest.

Draws, the same for every minibatch, are of one side as a whole, so that its layers stay as alike as they are. With K̃
and L̃ centred as in `seelike.measures.cka`, HSIC₁ has mean 0 over all orders of the n images, and variance
2 Σ K̃ᵢⱼ² Σ L̃ᵢⱼ² / (n(n − 3)) / (n(n − 3))², whatever the layers are: CKA of any two layers on one minibatch varies by
√(2/(n(n − 3))) about 0. So neither a mean of CKA nor the place of the largest of several is moved by chance, or by how
wide a layer is; only a maximum is.

The **calibrated** score of a layer holds its best match against the null's upper tail τ, the least number that one in
twenty of as many matches exceeds,

    (best − τ) / (1 − τ):

0 where the best match is no better than chance, 1 for a layer that is there again. It is not cut at 0.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from seelike.measures.cka import center
from seelike.measures.similarities.distances import list_pairs
from seelike.system.errors import InputError

DRAWS = 200
TAIL = 0.05
DECIMALS = 9  # of the tail: beyond them lies the order in which processes add
PIECE = 2**22  # elements of shuffled Gram matrices at a time
Places = Sequence[int] | slice


class Shuffled:
    """Accumulator of HSIC₁ between some layers and some others, the images of the others shuffled.

    Args:
        rows, columns: the names of both sides' layers, as they will come with their Gram matrices.
        classes: of each minibatch to come, in order, the class (n,) of its images, within which they are shuffled.
    """

    def __init__(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        classes: Iterable[torch.Tensor] | None = None,
        n_draws: int = DRAWS,
    ):
        self.rows, self.columns, self.n_draws = tuple(rows), tuple(columns), n_draws
        self._classes = None if classes is None else iter(classes)
        self._products = np.zeros((n_draws, len(self.rows), len(self.columns)))
        self._own = np.zeros(len(self.rows)), np.zeros(len(self.columns))
        self._n_minibatches = 0

    def __getstate__(self) -> dict:
        """What other processes must know."""
        return self.__dict__ | {"_classes": None}

    def update(self, grams: dict[str, torch.Tensor]) -> None:
        """Add one minibatch: {layer: `multiply(activations)`}, at least of the layers of both sides."""
        (rows, of_rows), (columns, of_columns) = (_scale(grams, names) for names in (self.rows, self.columns))
        n = len(grams[self.rows[0]])
        orders = shuffle(n, self.n_draws, None if self._classes is None else next(self._classes))
        self._add(rows, _reorder(columns, orders.to(columns.device)), np.outer(of_rows, of_columns))
        for total, norm in zip(self._own, (of_rows, of_columns), strict=True):
            total += norm**2
        self._n_minibatches += 1

    def _add(self, rows: torch.Tensor, pieces: Iterable[torch.Tensor], norms: np.ndarray) -> None:
        """The products of both sides, some draws at a time."""
        start = 0
        for each in pieces:
            found = (rows @ each).cpu().numpy()
            self._products[start : start + len(found)] += found * norms
            start += len(found)

    def merge(self, *others: "Shuffled") -> None:
        """Add the minibatches of other ranks or shards."""
        for other in others:
            self._products += other._products
            for total, more in zip(self._own, other._own, strict=True):
                total += more
            self._n_minibatches += other._n_minibatches

    def result(self) -> "Null":
        """Raises InputError before the first minibatch."""
        if not self._n_minibatches:
            raise InputError("shuffled images need at least one full minibatch")
        return Null(self._products, np.sqrt(np.outer(*self._own)))


@dataclass(frozen=True)
class Null:
    """CKA of layers with shuffled images: sums of products (draws, rows, columns), and of each pair its scale."""

    products: np.ndarray
    scale: np.ndarray

    @property
    def cka(self) -> np.ndarray:
        """(draws, rows, columns); 0 for a layer that says nothing."""
        return np.divide(self.products, self.scale, where=self.scale > 0, out=np.zeros_like(self.products))

    def choose(self, rows: Places, columns: Places) -> "Null":
        """That of some of the layers."""
        return Null(self.products[:, rows][:, :, columns], self.scale[rows][:, columns])

    def tail_of_best(self) -> np.ndarray:
        """(rows,): the upper tail of the best match of each with any of the columns."""
        return upper_tail(self.cka.max(2))


def calibrate(cka: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """CKA (rows, columns) → the same, of which each row's largest number is its calibrated score.

    Args:
        tail: (rows,), of the best match. NaN comes of 1, where no match can tell itself from chance.
    """
    room = np.where(tail < 1, 1 - tail, np.nan)[:, None]
    return (cka - tail[:, None]) / room


def upper_tail(draws: np.ndarray, share: float = TAIL) -> np.ndarray:
    """(draws, …) → the number that, counting what was observed as one more draw, a `share` of all exceeds by chance.

    Infinite where there are fewer than 1/share − 1 draws.
    """
    place = math.ceil((1 - share) * (len(draws) + 1)) - 1
    if place >= len(draws):
        return np.full(draws.shape[1:], np.inf)
    return np.partition(draws, place, axis=0)[place].round(DECIMALS)


def shuffle(n_images: int, n_draws: int, classes: torch.Tensor | None = None) -> torch.Tensor:
    """(draws, n) orders of the images of a minibatch, the same every time; with `classes` (n,), each within its own."""
    keys = torch.rand(n_draws, n_images, generator=torch.Generator().manual_seed(0))
    if classes is None:
        return keys.argsort(1)
    number = torch.unique(classes, return_inverse=True)[1]
    orders = torch.empty(n_draws, n_images, dtype=torch.long)
    orders[:, number.argsort(stable=True)] = (keys + number).argsort(1)
    return orders


def _scale(grams: dict[str, torch.Tensor], names: tuple[str, ...]) -> tuple[torch.Tensor, np.ndarray]:
    """Pairs of images (layers, pairs) of centred Gram matrices, scaled to norm 1, in float32; and the norms before."""
    device = next(iter(grams.values())).device
    centred = center(torch.stack([grams[name].to(device) for name in names]))
    norms = centred.square().sum((1, 2)).sqrt()
    scaled = centred / norms.clamp_min(torch.finfo(norms.dtype).tiny)[:, None, None]
    return list_pairs(scaled.float()) * math.sqrt(2), norms.cpu().numpy()  # each stands for two, off the zero diagonal


def _reorder(pairs: torch.Tensor, orders: torch.Tensor) -> Iterator[torch.Tensor]:
    """The pairs of images of all layers (layers, pairs) in every order: pieces of (draws, pairs, layers)."""
    n, by_pair = orders.shape[1], pairs.T.contiguous()  # so that what a pair is in all layers moves at once
    rows, columns = torch.triu_indices(n, n, 1, device=pairs.device)
    number = torch.zeros(n, n, dtype=torch.long, device=pairs.device)
    number[rows, columns] = number[columns, rows] = torch.arange(len(rows), device=pairs.device)
    for some in orders.split(max(1, PIECE // pairs.numel())):
        yield by_pair[number[some[:, rows], some[:, columns]]]
