"""How alike all layers of several models are, in one matrix; for the models of every training at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.measures.cka import multiply
from seelike.measures.intervals import Terms, share_out
from seelike.measures.runner import Cast, Read, assemble, feed, name_all
from seelike.measures.similarities.all_pairs import AllPairs, Similarity
from seelike.measures.similarities.choices import MEASURES

T = TypeVar("T")
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
        grams = {label(role, name): k for role, each in found.items() for name, k in each.items()}
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
    """How alike all layers of one run's models are, and of those that stand in their roles in any run.

    `similarity` is of all models that differ, one's layers after the other's; `layers` are where each model's lie.
    `own` tells which model has a role in this run, `models` which have it in any, by names that are only used here.
    """

    similarity: Similarity
    layers: dict[str, slice]
    own: dict[str, str]
    models: dict[str, tuple[str, ...]]

    def values(self, one: str, other: str) -> np.ndarray:
        """(layers of one, layers of the other) CKA of this run's models in two roles, or of a model with itself."""
        return self.similarity.values[self.layers[self.own[one]], self.layers[self.own[other]]]

    def alone(self, role: str, effect: Effect) -> np.ndarray:
        """Replicates (n_draws + 1,) of an effect of one model's own (layers, layers) CKA."""
        return self._replicates(effect, self.own[role], self.own[role])

    def cross(self, one: str, other: str, effect: Effect) -> np.ndarray:
        """Those of an effect of (layers of one, layers of the other), (models in one role, in the other, n_draws + 1).

        Of the models of all runs, each with each.
        """
        rows = [[self._replicates(effect, a, b) for b in self.models[other]] for a in self.models[one]]
        return np.array(rows)

    def share_out(self, crossed: np.ndarray, *roles: str) -> Terms:
        """The terms of this run's models, of replicates (models in the first role, …, n_draws + 1) as `cross` gives."""
        terms = zip(roles, share_out(crossed), strict=True)
        return {(role,): of_all[self.models[role].index(self.own[role])] for role, of_all in terms}

    def _replicates(self, effect: Effect, one: str, other: str) -> np.ndarray:
        rows, columns = (np.arange(len(self.similarity.layers))[self.layers[model]] for model in (one, other))
        chosen = np.concatenate([rows, columns])
        pair = Similarity((), self.similarity.products[:, chosen[:, None], chosen])
        return pair.replicates(lambda cka: effect(cka[: len(rows), len(rows) :]))


def compare_runs(
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    find_axes: Callable[[Cast], T],
    name_layers: Callable[[T], dict[str, Iterable[str]]],
) -> list[tuple[T, RunSimilarity]]:
    """CKA of all layers of all runs' models at once, with each run's axes; the arguments are those below."""
    found = compare_runs_by(("cka",), loaded, find_minibatches, find_axes, name_layers)
    return [(axes, of["cka"]) for axes, of in found]


def compare_runs_by(
    measures: Iterable[str],
    loaded: Iterable[dict[str, nn.Module]],
    find_minibatches: Minibatches,
    find_axes: Callable[[Cast], T],
    name_layers: Callable[[T], dict[str, Iterable[str]]],
) -> list[tuple[T, dict[str, RunSimilarity]]]:
    """By several measures: all layers of all runs' models at once, with each run's axes.

    Args:
        measures: their names, as in `seelike.measures.similarities.choices`.
        loaded: the models of every run, {"vit": …, …}; one that several of them share sees the images once.
        find_minibatches: takes models, {name: …}, to minibatches of the same images for all.
        find_axes: takes what is known of one run's models, by role, to its axes.
        name_layers: takes the axes to {role: layer names}, in the order of the matrix.
    """
    everyone, runs = name_all(loaded)
    (cast,), minibatches = assemble([everyone], find_minibatches(everyone))
    axes = [find_axes(cast.in_roles(own)) for own in runs]
    named = [name_layers(found) for found in axes]
    layers = {own[role]: tuple(of) for own, names in zip(runs, named, strict=True) for role, of in names.items()}
    joint = cast.compare(JointSimilarities(read_layers(layers), measures))
    similarities, places = feed(minibatches, cast)[joint], locate({model: len(of) for model, of in layers.items()})
    models = {role: tuple(dict.fromkeys(own[role] for own in runs)) for role in runs[0]}
    return [
        (found, {measure: RunSimilarity(each, places, own, models) for measure, each in similarities.items()})
        for found, own in zip(axes, runs, strict=True)
    ]
