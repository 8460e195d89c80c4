"""How alike all layers of several models are, in one matrix; for the models of every training at once."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.measures.cka import multiply
from seelike.measures.intervals import Terms, share_out
from seelike.measures.runner import Cast, Found, Read, assemble, feed, name_all
from seelike.measures.similarities.all_pairs import AllPairs, Similarity
from seelike.measures.similarities.choices import MEASURES
from seelike.measures.similarities.shuffled import Null, Places, Shuffled, calibrate
from seelike.system import processes

ALL = slice(None)
T = TypeVar("T")
Nulls = dict[tuple[str, str], Null]  # of pairs of models
Roles = dict[str, tuple[str, ...]]  # a role → others
Effect = Callable[[np.ndarray], float]  # of a matrix of similarities
Minibatches = Callable[[dict[str, nn.Module]], Iterable[dict[str, torch.Tensor]]]


class JointSimilarities:
    """Accumulator of several measures between all layers of several models, called "role/layer".

    Args:
        reads: what gives the Gram matrices of each model, {layer: `multiply(activations)`}, in the order of the matrix.
        measures: their names, as in `seelike.measures.similarities.choices`.
    """

    def __init__(self, reads: dict[str, Read], measures: Iterable[str]):
        self.reads, self.measures = reads, {measure: AllPairs(MEASURES[measure]) for measure in measures}

    def update(self, found: dict[str, dict[str, torch.Tensor]]) -> None:
        """Add one minibatch of the same images for all models; where these lie on several devices, on the first."""
        grams = _name_layers(found)
        device = next(iter(grams.values())).device
        moved = {name: k.to(device) for name, k in grams.items()}
        for pairs in self.measures.values():
            pairs.update(moved)

    def merge(self, *others: "JointSimilarities") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        for measure, pairs in self.measures.items():
            pairs.merge(*(other.measures[measure] for other in others))

    def result(self) -> dict[str, Similarity]:
        """Of each measure; raises InputError before the first minibatch."""
        return {measure: pairs.result() for measure, pairs in self.measures.items()}


class JointCKA(JointSimilarities):
    """The same of CKA alone."""

    def __init__(self, reads: dict[str, Read]):
        super().__init__(reads, ("cka",))

    @classmethod
    def of(cls, layers: dict[str, Iterable[str]]) -> "JointCKA":
        """Of the named layers of each model, all that they return, flattened."""
        return cls(read_layers(layers))

    def result(self) -> Similarity:
        """Raises InputError before the first minibatch."""
        return super().result()["cka"]


class JointShuffled:
    """The same of layers on one side and layers on the other, which sees the images in another order."""

    def __init__(self, reads: dict[str, Read], shuffled: Shuffled):
        self.reads, self.shuffled = reads, shuffled

    def update(self, found: dict[str, dict[str, torch.Tensor]]) -> None:
        """Add one minibatch of the same images for all models."""
        self.shuffled.update(_name_layers(found))

    def merge(self, *others: "JointShuffled") -> None:
        """Add the minibatches of other ranks or shards."""
        self.shuffled.merge(*(other.shuffled for other in others))

    def result(self) -> Null:
        """Raises InputError before the first minibatch."""
        return self.shuffled.result()


def _name_layers(found: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {label(role, name): k for role, each in found.items() for name, k in each.items()}


def read_layers(layers: dict[str, Iterable[str]]) -> dict[str, Outputs]:
    """What gives the Gram matrices of the named layers of each model, of all that they return, flattened."""
    return {role: Outputs(tuple(names), multiply) for role, names in layers.items()}


def label(role: str, layer: str) -> str:
    """What a model's layer is called among those of all models."""
    return f"{role}/{layer}"


def split_by_model(cka: np.ndarray, n_layers: dict[str, int]) -> dict[tuple[str, str], np.ndarray]:
    """The matrix of all layers, one model's after the other's → that of each pair of models.

    Args:
        cka: (layers, layers), of all models.
        n_layers: how many of them are each model's, in their order.
    """
    parts = locate(n_layers)
    return {(one, other): cka[parts[one], parts[other]] for one in parts for other in parts}


def locate(n_layers: dict[str, int]) -> dict[str, slice]:
    """How many layers each model has → where they lie among those of all models, in this order."""
    ends = np.cumsum([0, *n_layers.values()]).tolist()
    return {model: slice(start, end) for model, start, end in zip(n_layers, ends[:-1], ends[1:], strict=True)}


@dataclass(frozen=True)
class RunSimilarity:
    """How alike layers of one run's models are, and of those that stand in their roles in any run.

    `draws` (n_draws + 1, layers, layers) are the replicates of the matrix of all models that differ; `layers` tell
    where in it each model's lie. `own` tells which model has a role in this run, `models` which have it in any, by
    names that are only used here. `nulls` are of pairs of models whose best matches are held against chance;
    `in_class`, of the first run's models, are those of images shuffled within their classes. `crossed` is what all runs
    have in common, by any name.
    """

    draws: np.ndarray
    layers: dict[str, np.ndarray]
    own: dict[str, str]
    models: dict[str, tuple[str, ...]]
    nulls: Nulls = field(default_factory=dict)
    in_class: Nulls = field(default_factory=dict)
    crossed: dict[Hashable, np.ndarray] = field(default_factory=dict)

    def recall(self, name: Hashable, find: Callable[[], np.ndarray]) -> np.ndarray:
        """What `cross` or `cross_matches` finds, which is the same in every run, found once."""
        if name not in self.crossed:
            self.crossed[name] = find()
        return self.crossed[name]

    def values(self, one: str, other: str) -> np.ndarray:
        """(layers of one, layers of the other) CKA of this run's models in two roles, or of a model with itself."""
        return self._choose(self.own[one], self.own[other])[0]

    def alone(self, role: str, effect: Effect) -> np.ndarray:
        """Replicates (n_draws + 1,) of an effect of one model's own (layers, layers) CKA."""
        return self._replicates(effect, self.own[role], self.own[role])

    def of_model(self, model: str, effect: Effect) -> np.ndarray:
        """The same of a model by its name, of whichever run."""
        return self._replicates(effect, model, model)

    def cross(self, one: str, other: str, effect: Effect) -> np.ndarray:
        """Those of an effect of (layers of one, layers of the other), (models in one role, in the other, n_draws + 1).

        Of the models of all runs, each with each.
        """
        rows = [[self._replicates(effect, a, b) for b in self.models[other]] for a in self.models[one]]
        return np.array(rows)

    def cross_matches(
        self, one: str, other: str, effect: Effect, rows: Places = ALL, columns: Places = ALL
    ) -> np.ndarray:
        """As `cross`, of best matches: CKA of the layers `rows` with `columns`, calibrated where the null is known.

        The null is that of all minibatches in every replicate; drawn anew in each it would hardly move an interval.
        """
        crossed = [
            [self._replicates(self._calibrate(effect, a, b, rows, columns), a, b) for b in self.models[other]]
            for a in self.models[one]
        ]
        return np.array(crossed)

    def score_matches(self, one: str, other: str) -> dict[str, np.ndarray]:
        """Of each layer of one, (layers,): its best CKA with any of the other's, the nulls' tails, the calibration."""
        pair, best = (self.own[one], self.own[other]), self.values(one, other).max(1)
        known = {"chance": self.nulls, "class": self.in_class}
        tails = {name: nulls[pair].tail_of_best() for name, nulls in known.items() if pair in nulls}
        scores = calibrate(best[:, None], tails["chance"])[:, 0]
        return {"best": best} | tails | {"calibrated": scores}

    def _calibrate(self, effect: Effect, one: str, other: str, rows: Places, columns: Places) -> Effect:
        null = self.nulls.get((one, other))
        if null is None:
            return lambda cka: effect(cka[rows][:, columns])
        tail = null.choose(rows, columns).tail_of_best()
        return lambda cka: effect(calibrate(cka[rows][:, columns], tail))

    def share_out(self, crossed: np.ndarray, *roles: str) -> Terms:
        """The terms of this run's models, of replicates (models in the first role, …, n_draws + 1) as `cross` gives."""
        terms = zip(roles, share_out(crossed), strict=True)
        return {(role,): of_all[self.models[role].index(self.own[role])] for role, of_all in terms}

    def _replicates(self, effect: Effect, one: str, other: str) -> np.ndarray:
        return np.array([effect(cka) for cka in self._choose(one, other)], dtype=float)

    def _choose(self, one: str, other: str) -> np.ndarray:
        return self.draws[:, self.layers[one][:, None], self.layers[other]]


class Runs:
    """The models of every run together, so that each meets each; one that several runs share sees the images once.

    `own` are the names that each run's models have in `cast`, `models` those in each role in any run.

    Args:
        loaded: {"vit": …, …} of every run.
        find_minibatches: takes models, {name: …}, to minibatches of the same images for all.
    """

    def __init__(self, loaded: Iterable[dict[str, nn.Module]], find_minibatches: Minibatches):
        everyone, self.own = name_all(loaded)
        (self.cast,), self.minibatches = assemble([everyone], find_minibatches(everyone))
        self.models = {role: tuple(dict.fromkeys(own[role] for own in self.own)) for role in self.own[0]}

    def find(self, find_axes: Callable[[Cast], T]) -> list[T]:
        """What is found of each run's models, by role."""
        return [find_axes(self.cast.in_roles(own)) for own in self.own]

    def gather_layers(self, named: Iterable[dict[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
        """The layers of every model, by its name here, from those of each run's, by role."""
        runs = zip(self.own, named, strict=True)
        return {own[role]: tuple(names) for own, of in runs for role, names in of.items()}

    def split(
        self,
        similarity: Similarity,
        named: Sequence[dict[str, Iterable[str]]],
        nulls: Nulls | None = None,
        in_class: Nulls | None = None,
    ) -> list[RunSimilarity]:
        """Of the similarity of all models' layers that of some layers, for each run, with their nulls."""
        index = {layer: i for i, layer in enumerate(similarity.layers)}
        layers = self.gather_layers(named)
        places = {model: np.array([index[label(model, name)] for name in of]) for model, of in layers.items()}
        draws = similarity.replicates(lambda values: values)
        common = self.models, nulls or {}, in_class or {}, {}
        return [RunSimilarity(draws, places, own, *common) for own in self.own]


def compare_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    find_axes: Callable[[Cast], T],
    name_layers: Callable[[T], dict[str, Iterable[str]]],
    matched: Roles | None = None,
    classes: Sequence[torch.Tensor] | None = None,
) -> list[tuple[T, RunSimilarity]]:
    """CKA of all layers of all runs' models at once, with each run's axes.

    Args:
        loaded, find_minibatches: as for `Runs`.
        find_axes: takes what is known of one run's models, by role, to its axes.
        name_layers: takes the axes to {role: layer names}, in the order of the matrix.
        matched: role → the roles among whose layers the best matches of its own are held against chance.
        classes: those of the images of every minibatch, (n,), where they are known.
    """
    runs = Runs(loaded, find_minibatches)
    axes = runs.find(find_axes)
    named = [name_layers(found) for found in axes]
    layers, first = runs.gather_layers(named), {role: models[:1] for role, models in runs.models.items()}
    joint = runs.cast.compare(JointCKA.of(layers))
    nulls = Matches(runs.cast, layers, runs.models, matched or {})
    in_class = Matches(runs.cast, layers, first, (matched or {}) if classes else {}, classes)
    found = feed(runs.minibatches, runs.cast)
    similarities = runs.split(found[joint], named, nulls.gather(found), in_class.gather(found))
    return list(zip(axes, similarities, strict=True))


class Matches:
    """What is asked of models whose best matches are held against chance: all of a role with all of its others.

    Args:
        cast: has the models.
        layers: the names of each model's layers.
        models: role → the models that have it.
        matched: role → the other roles.
        classes: of the images of every minibatch, (n,), if they are to be shuffled within them.
    """

    def __init__(
        self,
        cast: Cast,
        layers: dict[str, tuple[str, ...]],
        models: Roles,
        matched: Roles,
        classes: Sequence[torch.Tensor] | None = None,
    ):
        self.layers, self.classes = layers, classes
        self.asked = {}
        for one, others in matched.items():
            sides = models[one], tuple(dict.fromkeys(model for other in others for model in models[other]))
            self.asked[sides] = cast.compare(self._shuffle(*sides))

    def gather(self, found: Found) -> Nulls:
        """The null of each pair of models."""
        nulls = {}
        for (ones, others), joint in self.asked.items():
            rows, columns = (locate({model: len(self.layers[model]) for model in side}) for side in (ones, others))
            nulls |= {(a, b): found[joint].choose(rows[a], columns[b]) for a in ones for b in others}
        return nulls

    def choose(self, nulls: Nulls, layers: dict[str, tuple[str, ...]]) -> Nulls:
        """Of such nulls those of some of the layers."""
        places: dict[str, Places] = dict.fromkeys(self.layers, ALL)
        for model, names in layers.items():
            if names != self.layers[model]:
                places[model] = [self.layers[model].index(name) for name in names]
        return {(one, other): null.choose(places[one], places[other]) for (one, other), null in nulls.items()}

    def _shuffle(self, *sides: tuple[str, ...]) -> JointShuffled:
        rows, columns = ([label(model, name) for model in side for name in self.layers[model]] for side in sides)
        reads = read_layers({model: self.layers[model] for side in sides for model in side})
        return JointShuffled(reads, Shuffled(rows, columns, self.classes and processes.share(self.classes)))
