"""Section 8 of the paper: which blocks are those of another model of the same architecture, on the same images?

Block i of one model is compared with block i of the other, its counterpart, by CKA (Figs 12, G.1): a model trained
on little data with one trained on all of it, a fine-tuned model with the one that it started from.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from seelike.activations.architecture import Architecture
from seelike.measures.intervals import Terms
from seelike.measures.layer_cka import JointCKA, label
from seelike.measures.runner import Cast, Found
from seelike.measures.similarities.all_pairs import Similarity
from seelike.system.errors import InputError

DECIMALS = 12  # of CKA: beyond them lies rounding, which would tell a model from itself
Pair = tuple[str, str]  # two models, by their names in a cast
Curves = dict[str, np.ndarray]  # a pair, as it is called → (blocks,) CKA from input to output
Draws = dict[Pair, np.ndarray]  # (n_draws + 1, blocks), the replicates of such a curve


class Pairing:
    """What is asked of models that are compared block by block; two names may be one model.

    Args:
        cast: of at least the models that are compared, those of all runs; nothing is asked of others.
        runs: of each run, its pairs, called by the model of the two that learned otherwise.
        twins: of each run, its full-data ViT, where the ViT of 3 % is to be judged by them.

    Raises InputError, which names the model, if the two of a pair have other blocks, or fewer than three.
    """

    def __init__(self, cast: Cast, runs: Sequence[dict[str, Pair]], twins: Sequence[str] = ()):
        self.runs, self.twins = runs, tuple(twins)
        self.all = [pair for own in runs for pair in own.values()] + list(combinations(self.twins, 2))
        compared = {model for pair in self.all for model in pair}
        self.blocks = {role: cast.ask(role, Architecture.names) for role in cast.models if role in compared}
        _check_blocks(self.blocks, self.all)
        self.cka = cast.compare(JointCKA.of(self.blocks))

    def gather(self, found: Found) -> list["Counterparts"]:
        """What all minibatches told, of each run."""
        return self.split(found[self.cka])

    def split(self, similarity: Similarity, parts: int = 3) -> list["Counterparts"]:
        """The same of some similarity of all blocks; effects are of the lowest and the highest of so many parts."""
        of_all = self.blocks, draw_curves(similarity, self.blocks, self.all), self.twins, parts
        return [Counterparts(number, pairs, *of_all) for number, pairs in enumerate(self.runs)]


@dataclass(frozen=True)
class Counterparts:
    """CKA of each block with its counterpart, in the pairs of one run.

    `number` is the run's, from 0. `blocks` names each model's, `draws` are the replicates of every pair of all runs;
    `twins` are the full-data ViTs of all runs. Effects are of the lowest and the highest of `parts` parts of the depth.
    """

    number: int
    pairs: dict[str, Pair]
    blocks: dict[str, tuple[str, ...]]
    draws: Draws
    twins: tuple[str, ...] = ()
    parts: int = 3

    @property
    def values(self) -> Curves:
        """Each pair's CKA."""
        return {name: self.draws[pair][0] for name, pair in self.pairs.items()}

    def terms(self) -> dict[str, Terms]:
        """Those of D1, D2 and D6 for which this run has models: in the first run, of whole parts alone."""
        found = self._judge_by_twins() if self.twins else {}
        for part, effects in EFFECTS.items():
            own = {roles: effect for roles, effect in effects.items() if set(roles[1:]) <= self.pairs.keys()}
            if len(own) == len(effects) or self.number:
                found[part] = {roles: self._replicate(partial(effect, n=self.parts)) for roles, effect in own.items()}
        return {part: terms for part, terms in found.items() if terms}

    def _judge_by_twins(self) -> dict[str, Terms]:
        """D1: what 3 % of the data gives, less what full-data twins give with one another."""
        found: dict[str, Terms] = {"D1a": {}, "D1b": {}}
        for part, of_curve in (("D1a", low_high_cka_gap), ("D1b", lowest_part)):
            effect = partial(of_curve, n=self.parts)
            if "vit_3pct" in self.pairs:
                found[part]["vit", "vit_3pct"] = self._replicate(lambda of, effect=effect: effect(of["vit_3pct"]))
            if self.number == 0 or len(self.twins) > 2:
                found[part]["vit",] = -self._share(effect)
        return found

    def _share(self, effect: Callable[[np.ndarray], float]) -> np.ndarray:
        """Replicates of the share that this run's twin has in an effect of all pairs of twins."""
        pairs = list(combinations(self.twins, 2))
        own = np.array([self.twins[self.number] in pair for pair in pairs])
        values = [[effect(curve) for curve in self.draws[pair]] for pair in pairs]
        return np.array([share_of_pairs(each, own) for each in np.transpose(values)])

    def _replicate(self, effect: Callable[[Curves], float]) -> np.ndarray:
        """(n_draws + 1,) of an effect of this run's curves."""
        curves = [self.draws[pair] for pair in self.pairs.values()]
        return np.array([effect(dict(zip(self.pairs, each, strict=True))) for each in zip(*curves, strict=True)])


def draw_curves(similarity: Similarity, blocks: dict[str, tuple[str, ...]], pairs: Iterable[Pair]) -> Draws:
    """Of all layers' similarities that of each block with its counterpart, in every pair.

    Args:
        blocks: which of the layers, "model/block", are each model's.
    """
    index = {layer: i for i, layer in enumerate(similarity.layers)}
    places = {model: [index[label(model, name)] for name in of] for model, of in blocks.items()}
    pairs = list(dict.fromkeys(pairs))
    rows, columns = (np.concatenate([places[pair[side]] for pair in pairs]) for side in range(2))
    draws = similarity.replicates(lambda cka: cka[rows, columns]).round(DECIMALS)
    ends = np.cumsum([len(blocks[one]) for one, _ in pairs])[:-1]
    return dict(zip(pairs, np.split(draws, ends, axis=1), strict=True))


def low_high_cka_gap(cka: np.ndarray, n: int = 3) -> float:
    """D1a, of 3 % and of twins: mean CKA of the lowest − of the highest third of blocks, of (blocks,).

    Thirds, or other parts of which there are n, are rounded down, here and below.
    """
    return lowest_part(cka, n) - highest_part(cka, n)


def lowest_part(cka: np.ndarray, n: int = 3) -> float:
    """D1b, of 3 % and of twins: mean CKA of the lowest third of blocks, of (blocks,)."""
    return float(cka[: len(cka) // n].mean())


def highest_part(cka: np.ndarray, n: int = 3) -> float:
    """The same of the highest third."""
    return lowest_part(cka[::-1], n)


def lower_half(cka: np.ndarray) -> float:
    """D6a, of each task: mean CKA of the lower half of blocks, rounded down, of (blocks,)."""
    return lowest_part(cka, 2)


def fall_by_depth(cka: np.ndarray, n: int = 3) -> float:
    """D2, of each size: mean CKA over the lowest − over the highest third of the depth, of (blocks,).

    The first block lies at depth 0, the last at 1; between neighbours CKA is a straight line. So models of other
    numbers of blocks are compared over the same depths.
    """
    return _average(cka, 0, 1 / n) - _average(cka, 1 - 1 / n, 1)


def _average(curve: np.ndarray, start: float, end: float) -> float:
    """The mean of a curve, linear between its points at even steps from 0 to 1, from `start` to `end`."""
    depth = np.linspace(0, 1, len(curve))
    knots = np.array([start, *depth[(depth > start) & (depth < end)], end])
    return float(np.trapezoid(np.interp(knots, depth, curve), knots) / (end - start))


def share_of_pairs(values: np.ndarray, own: np.ndarray) -> float:
    """One model's share of a mean over all pairs of some models: the shares' mean is that mean.

    With one pair it is the mean. With more models it is the jackknife's pseudo-value, n · mean − (n − 1) · the mean
    without the model: where a pair's value is a sum of what each of its two models adds, twice what this one adds. So
    the shares vary as models do, although every model is in several pairs.

    Args:
        values: (pairs,) of n models.
        own: (pairs,), which pairs the model is in: n − 1 of them.
    """
    n = int(own.sum()) + 1
    return float(n * values.mean() - (n - 1) * values[~own].mean()) if n > 2 else float(values.mean())


def _tuned(effect: Callable[[np.ndarray, np.ndarray, int], float]) -> dict[tuple[str, ...], Callable[..., float]]:
    return {("vit", "vit_near", "vit_far"): lambda cka, n=3: effect(cka["vit_near"], cka["vit_far"], n)}


# Part → its terms: the models of each, first the one that the others are compared with, → its effect, of n parts.
EFFECTS: dict[str, dict[tuple[str, ...], Callable[..., float]]] = {
    "D2": {
        ("vit", "vit_3pct"): lambda cka, n=3: fall_by_depth(cka["vit_3pct"], n),
        ("vit_small", "vit_small_3pct"): lambda cka, n=3: -fall_by_depth(cka["vit_small_3pct"], n),
    },
    "D6a": _tuned(lambda near, far, _: lower_half((near + far) / 2)),
    "D6b": _tuned(lambda near, far, n: lower_half((near + far) / 2) - highest_part((near + far) / 2, n)),
    "D6c": _tuned(lambda near, far, n: highest_part(near, n) - highest_part(far, n)),
}


def _check_blocks(found: dict[str, tuple[str, ...]], pairs: Sequence[Pair]) -> None:
    for one, other in pairs:
        if found[one] != found[other]:
            raise InputError(
                f"{one} must have the blocks of {other}, with which it is compared: "
                f"it has {len(found[one])} ({found[one][0]} …), not {len(found[other])} ({found[other][0]} …)"
            )
        if len(found[one]) < 3:
            raise InputError(f"{one} must have at least 3 blocks to compare, not {len(found[one])}")
