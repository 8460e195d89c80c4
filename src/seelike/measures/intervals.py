"""Intervals: over minibatches (or other draws of images) by jackknife; over trainings as they differ; both together.

An effect is a sum of **terms**, each of one model or of several that belong together: "mean CKA, ViT − CNN" has a term
of the ViT and one of the CNN. What is known of a term is its value from all draws, and its value without each of them:
its **replicates**. They add up and subtract like the effects themselves, so that a difference (of two models, of a
trained and an untrained one) has an interval for which both saw the same images.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

CONFIDENCE = 0.95
MIN_DRAWS = 8
Terms = dict[tuple[str, ...], np.ndarray]  # the models of a term, by role → its replicates


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, its standard error and the degrees of freedom of Student's t.

    NaN where the data cannot give them.
    """

    effect: float
    low: float = np.nan
    high: float = np.nan
    error: float = np.nan
    freedom: float = np.nan

    def within(self, least: float, most: float) -> "Estimate":
        """The same, its interval cut to where the number can lie."""
        low, high = np.clip((self.low, self.high), least, most).tolist()
        return Estimate(self.effect, low, high, self.error, self.freedom)

    def p_above(self, value: float) -> float:
        """One-sided p-value of "the number is at most `value`"; NaN without an interval."""
        if not self.error:
            return float(self.effect <= value)
        return float(special.stdtr(self.freedom, (value - self.effect) / self.error))

    def p_below(self, value: float) -> float:
        """One-sided p-value of "the number is at least `value`"; NaN without an interval."""
        return Estimate(-self.effect, error=self.error, freedom=self.freedom).p_above(-value)


def jackknife(n_draws: int, effect: Callable[[np.ndarray], float | np.ndarray]) -> np.ndarray:
    """The replicates of an effect, (n_draws + 1, …): from all draws, then from all but each; of one the first alone.

    Args:
        effect: takes the numbers of some draws, in order, and gives a number, or an array of them.
    """
    every = np.arange(n_draws)
    without = [np.delete(every, left_out) for left_out in every] if n_draws > 1 else []
    return np.array([effect(chosen) for chosen in (every, *without)], dtype=float)


def leave_out_each(draws: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """What replicates are of: the sum over all draws, then over all but each; of a single one the first alone."""
    total = sum(draws)
    yield total
    yield from (total - draw for draw in draws if len(draws) > 1)


def share_out(crossed: np.ndarray) -> list[np.ndarray]:
    """The terms of an effect of one model of each role, measured on all combinations of models that have no tie.

    A model's term is its mean over all combinations with it, less (roles − 1)/roles of the mean of all, so that the
    mean terms of all roles add up to the mean of all combinations. Their variance over models is that of the means of
    rows and of columns, as in a two-way layout.

    Args:
        crossed: (models of the first role, models of the second, …, n_draws + 1) replicates.

    Returns:
        Of each role (models, n_draws + 1).
    """
    roles = range(crossed.ndim - 1)
    shared = crossed.mean(tuple(roles)) * (len(roles) - 1) / len(roles)
    return [crossed.mean(tuple(other for other in roles if other != role)) - shared for role in roles]


def estimate(replicates: np.ndarray) -> Estimate:
    """An effect from its replicates alone, (n_draws + 1,): its interval covers the choice of images."""
    return combine({(): [replicates]})


def combine(terms: dict[tuple[str, ...], Iterable[np.ndarray]], n_trainings: dict | None = None) -> Estimate:
    """The sum over terms of each one's mean over trainings, with an interval over images and trainings.

    Two sources of variance add up, with Satterthwaite's degrees of freedom, as in Welch's test:

    - images: (n−1)/n · Σ (θ₋ᵢ − mean)², of the whole sum without each draw (Tukey's jackknife), n − 1 degrees;
    - trainings: s²/k of each term, s being the standard deviation of its k trainings, k − 1 degrees. No training is
      paired with one of another term, for their seeds have nothing in common. A term of one training adds nothing.

    Fewer than eight draws give no interval.

    Args:
        terms: roles → replicates (n_draws + 1,) of every training.
        n_trainings: roles → how many trainings count, where some of a term's models are the same in several of them.
    """
    stacks = {roles: np.array(list(trainings)) for roles, trainings in terms.items()}
    total = sum(stack.mean(0) for stack in stacks.values())
    effect, n = float(total[0]), len(total) - 1
    if n < MIN_DRAWS:
        return Estimate(effect)
    variances, freedoms = [(n - 1) * total[1:].var()], [n - 1]
    for roles, stack in stacks.items():
        k = (n_trainings or {}).get(roles, len(stack))
        if k > 1:
            variances.append(stack[:, 0].var(ddof=1) / k)
            freedoms.append(k - 1)
    return _bound(effect, np.array(variances), np.array(freedoms))


def _bound(effect: float, variances: np.ndarray, freedoms: np.ndarray) -> Estimate:
    """An effect with the interval of Student's t for the sum of some variances."""
    variance = variances.sum()
    if not variance > 0:  # NaN, or an effect that nothing changes
        low = effect if variance == 0 else np.nan
        return Estimate(effect, low, low, 0.0 if variance == 0 else np.nan)
    freedom = variance**2 / (variances**2 / freedoms).sum()
    half = float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(variance))
    return Estimate(effect, effect - half, effect + half, float(np.sqrt(variance)), float(freedom))
