"""What calibration changes: best matches of two untrained networks of unequal width, where there is something to match,
and where there is not.

Both read the same images; a third network, of a width between theirs, reads these, too, or others. Each layer's best
match is the most alike of the third's layers, calibrated by `seelike.measures.similarities.shuffled`'s formula with
fewer draws: every measure is taken anew of every draw. Networks are layers of ReLUs with random weights.
"""

import numpy as np
import torch

from seelike.measures.cka import multiply
from seelike.measures.measure_choices import EVERY
from seelike.measures.similarities.all_pairs import Products, normalize
from seelike.measures.similarities.shuffled import calibrate, shuffle, upper_tail
from seelike.results.labelled_array import LabelledArray

WIDTHS = {"narrow": 16, "wide": 512}  # units a layer
THIRD = 96
DEPTH = 4
SIZE = 32  # images a minibatch
MOST_MINIBATCHES = 4
DRAWS = 39


def score_untrained(x: torch.Tensor, generator: torch.Generator) -> LabelledArray:
    """The mean best match of a network's layers: its measure, what chance gives, and the calibrated score.

    Args:
        x: what the networks read of each image, (n, features).
    """
    x = (x - x.mean(0))[: MOST_MINIBATCHES * SIZE]
    third, networks = run_untrained(x, THIRD, generator), {}
    for name, width in WIDTHS.items():
        networks[name] = run_untrained(x, width, generator)
    images = {"the same images": torch.arange(len(x)), "other images": torch.randperm(len(x), generator=generator)}
    values = [
        [[score_matches(products, own, third[:, order]) for order in images.values()] for own in networks.values()]
        for products in EVERY.values()
    ]
    axes = {"measure": EVERY, "network": networks, "images": images, "score": ["best", "chance", "calibrated"]}
    return LabelledArray(axes, values)


def run_untrained(x: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    """What each layer of an untrained network returns, (layers, n, width)."""
    layers = []
    for _ in range(DEPTH):
        weights = torch.randn(x.shape[1], width, generator=generator, dtype=x.dtype)
        x = (x @ weights * (2 / x.shape[1]) ** 0.5).relu()
        layers.append(x)
    return torch.stack(layers)


def score_matches(
    products: Products, rows: torch.Tensor, columns: torch.Tensor, n_draws: int = DRAWS
) -> tuple[float, float, float]:
    """Of layers (layers, n, features), mean over rows: the best match with any column, its tail, its calibration."""
    observed, *draws = _match(products, rows, columns, n_draws)
    tail = upper_tail(np.max(draws, 2))
    return observed.max(1).mean(), tail.mean(), calibrate(observed, tail).max(1).mean()


def _match(products: Products, rows: torch.Tensor, columns: torch.Tensor, n_draws: int) -> list[np.ndarray]:
    """(rows, columns) similarities, of the images as they are and in every draw's order."""
    size, sums = min(SIZE, rows.shape[1]), [0] * (n_draws + 1)
    orders = [torch.arange(size), *shuffle(size, n_draws)]
    for start in range(0, rows.shape[1] - size + 1, size):
        own, others = (torch.stack([*map(multiply, side[:, start : start + size])]) for side in (rows, columns))
        for place, order in enumerate(orders):
            sums[place] += products(torch.cat([own, others[:, order][:, :, order]])).numpy()
    return [normalize(each)[: len(rows), len(rows) :] for each in sums]
