"""Where a system stands between a CNN and a ViT, by a number that all three have: its **place** on the way.

With s, c and v the number of the system, the CNN and the ViT,

    place = (s − c) / (v − c),

0 where the CNN stands and 1 where the ViT does; below 0 or above 1 the system lies beyond the one or the other. The
interval is Fieller's: all places p for which s − c − p (v − c) does not differ from 0, each by the interval of that
sum over images and trainings (`measures.intervals`). Where v − c does not differ from 0 itself the two models are no
ends of anything, and there is no place.

A system is **like** one end if it is at least twice as near to it as to the other, and **nearer to neither** if it is
less than twice as near to the one as to the other; the whole interval must say it. Places further out than twice as far
as one end is from the other are beyond that end, and like neither.
"""

from collections.abc import Callable
from math import nan

import numpy as np
from scipy.optimize import brentq

from seelike.measures.intervals import Estimate, combine, share_out

LIKE_VIT, LIKE_CNN, NEITHER = "like the ViT", "like the CNN", "nearer to neither"
VIT_SIDE, CNN_SIDE, NOT_SHOWN = "on the ViT's side", "on the CNN's side", "not shown"
# What can be said, from the strongest to the weakest → the places, from and to, in which the interval must lie.
SIDES = {
    LIKE_VIT: (2 / 3, 2.0),
    LIKE_CNN: (-1.0, 1 / 3),
    NEITHER: (1 / 3, 2 / 3),
    VIT_SIDE: (1 / 2, np.inf),
    CNN_SIDE: (-np.inf, 1 / 2),
}
FURTHEST = 10  # from the place: where the interval ends if it goes on


def name_side(low: float, high: float) -> str:
    """What the interval of a place shows: a key of `SIDES`, or `NOT_SHOWN`, as of NaN."""
    return next((side for side, (least, most) in SIDES.items() if least <= low and high <= most), NOT_SHOWN)


def cross_scores(system: np.ndarray, vit: np.ndarray, cnn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `estimate_place` takes, from a number of each model alone: of every training with every other.

    Args:
        system, vit, cnn: (trainings, n_draws + 1), replicates.
    """
    gap = vit[:, None] - cnn[None]
    ahead = (system[:, None] - cnn[None])[:, None]
    return np.broadcast_to(ahead, (len(system), *gap.shape)), gap


def estimate_place(ahead: np.ndarray, gap: np.ndarray) -> Estimate:
    """The place of a system, with its interval; NaN where the two ends do not differ, or fewer than eight draws tell.

    Args:
        ahead: (trainings of the system, of the ViT, of the CNN, n_draws + 1), replicates of s − c.
        gap: (trainings of the ViT, of the CNN, n_draws + 1), those of v − c.
    """
    apart = estimate_crossed(gap)
    if not (apart.low > 0 or apart.high < 0):
        return Estimate(nan)
    sign, place = np.sign(apart.effect), float(ahead[..., 0].mean() / apart.effect)
    left = lambda p: estimate_crossed(sign * (ahead - p * gap))  # noqa: E731
    return Estimate(place, _find_end(lambda p: left(p).low, place, -1), _find_end(lambda p: left(p).high, place, 1))


def estimate_crossed(crossed: np.ndarray) -> Estimate:
    """An effect of models of several roles, each with each, whose trainings have nothing in common."""
    return combine({(str(role),): terms for role, terms in enumerate(share_out(crossed))})


def _find_end(bound: Callable[[float], float], place: float, side: int) -> float:
    """Where a bound, which falls as the place rises, is 0: from a place on, on one side of it, −1 or 1."""
    furthest = place + side * FURTHEST
    near, far = side * bound(place), side * bound(furthest)
    if not np.isfinite([near, far]).all():
        return nan
    return furthest if far > 0 else float(brentq(bound, place, furthest)) if near > 0 else place
