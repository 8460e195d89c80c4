"""What each measure of similarity sees: the same changes of a layer, and the same layers, under all of them.

Beside the measures of `seelike.measures.similarities` stands CKA with the textbook's biased estimate of HSIC.
"""

from collections.abc import Iterable

import numpy as np
import torch

from seelike.measures.cka import multiply
from seelike.measures.similarities.all_pairs import Products, normalize
from seelike.measures.similarities.choices import MEASURES
from seelike.measures.similarities.distances import square_distances
from seelike.measures.similarities.procrustes import centre_whole, factorize
from seelike.results.labelled_array import LabelledArray

SIZE = 64  # images a minibatch
DISTANCES = (0, 0.5, 1, 2, 4, 8)  # that half of the images are moved, in units of their root mean square distance
SHARES = tuple(i / 10 for i in range(11))  # of a layer's variance that is another's
WIDTHS = (4, 16, 64, 256, 1024)  # features of unrelated layers
POWER = 0.2  # to which distances are raised


def multiply_biased(grams: torch.Tensor) -> torch.Tensor:
    """HSIC₀ of all pairs, up to a factor: Gram matrices (layers, n, n) → (layers, layers)."""
    flat = centre_whole(grams).flatten(1)
    return flat @ flat.T


EVERY: dict[str, Products] = {"biased_cka": multiply_biased} | MEASURES


def compare_by_every(x: torch.Tensor, y: torch.Tensor, size: int = SIZE) -> list[float]:
    """How alike x (n, features) and y (n, other features) are by every measure, on minibatches of `size` images.

    Of fewer images there is one minibatch; a short last one is dropped.
    """
    size = min(size, len(x))
    parts = [slice(start, start + size) for start in range(0, len(x) - size + 1, size)]
    grams = [torch.stack([multiply(x[part]), multiply(y[part])]) for part in parts]
    sums = [sum(products(each.clone()) for each in grams) for products in EVERY.values()]
    return [float(normalize(each.numpy())[0, 1]) for each in sums]


def by_change(z: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """Of a layer and the same layer changed, in coordinates of its principal components, by `rotate_to_components`."""
    n, width = z.shape
    rotation = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=z.dtype)).Q
    stretch = torch.logspace(-1, 1, width, dtype=z.dtype)[torch.randperm(width, generator=generator)]
    far = z.clone()
    far[::SIZE] *= 20
    changed = {
        "rotated": z @ rotation,
        "scaled by 7": 7 * z,
        "shifted": z + 3 * z.abs().max(),
        "each component scaled by 0.1 to 10": z * stretch,
        f"all distances raised to the power {POWER}": bend(z),
        "half of the images moved together": move(z, draw_half(n, generator), 2),
        "one image in 64 put 20 times as far out": far,
        "first 10 components only": z[:, :10],
        "without the first 10 components": z[:, 10:],
        "images shuffled": z[torch.randperm(n, generator=generator)],
    }
    return _tabulate({"change": changed}, ((z, other) for other in changed.values()))


def by_translation(z: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """Of a layer and the same layer with half of its images moved away, all by one vector."""
    half = draw_half(len(z), generator)
    return _tabulate({"distance": DISTANCES}, ((z, move(z, half, distance)) for distance in DISTANCES))


def by_share(z: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """Of a layer and one that has a share of its variance from other images, in directions of their own."""
    other = z[torch.randperm(len(z), generator=generator)]
    mixed = (torch.cat([(1 - share) ** 0.5 * z, share**0.5 * other], 1) for share in SHARES)
    return _tabulate({"share": SHARES}, ((z, each) for each in mixed))


def by_width(generator: torch.Generator) -> LabelledArray:
    """Of two layers of so many features that have nothing in common: noise, four minibatches."""
    pairs = ([torch.randn(4 * SIZE, width, generator=generator) for _ in range(2)] for width in WIDTHS)
    return _tabulate({"width": WIDTHS}, pairs)


def by_position(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """CKA of what layers say at all positions, (n, positions, channels) flattened, and of the mean over positions."""
    order = torch.randperm(x.shape[1], generator=generator)
    own = torch.rand(x.shape[:2], generator=generator).argsort(1)
    pairs = {
        "the CNN's block": y,
        "itself, positions in another order": x[:, order],
        "itself, positions in an order of each image's own": x.gather(1, own[..., None].expand_as(x)),
    }
    reductions = {"flattened": lambda z: z.flatten(1), "pooled": lambda z: z.mean(1)}
    cka = [*EVERY].index("cka")
    values = [[compare_by_every(f(x), f(other))[cka] for f in reductions.values()] for other in pairs.values()]
    return LabelledArray({"against": pairs, "representation": reductions}, values)


def rotate_to_components(x: torch.Tensor) -> torch.Tensor:
    """Images (n, features) in coordinates of a layer's principal components, the largest first, about their mean.

    (n, rank) float64, from their inner products.
    """
    return factorize(centre_whole(multiply(x)[None]))[0].flip(1)


def draw_half(n: int, generator: torch.Generator) -> torch.Tensor:
    """Half of n images, rounded down."""
    return torch.randperm(n, generator=generator)[: n // 2]


def move(x: torch.Tensor, moved: torch.Tensor, distance: float) -> torch.Tensor:
    """Some images (n, features) moved together, along a feature of its own: a reader of the others sees no change.

    Args:
        distance: in units of the root mean square distance of the images from their mean.
    """
    along = torch.zeros(len(x), 1, dtype=x.dtype)
    along[moved] = distance * (x - x.mean(0)).square().sum(1).mean().sqrt()
    return torch.cat([x, along], 1)


def bend(x: torch.Tensor) -> torch.Tensor:
    """Images whose distances are those of x to a power, in the same order: below 1 there are such (Schoenberg 1938)."""
    squares = square_distances((x @ x.T)[None]) ** POWER
    return factorize(centre_whole(squares / -2))[0]


def _tabulate(axis: dict[str, Iterable], pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> LabelledArray:
    """Every measure of every pair of layers, whose labels are those of the one axis."""
    return LabelledArray({"measure": EVERY} | axis, np.transpose([compare_by_every(*pair) for pair in pairs]))
