"""Similarity of all layers of several models in every reasonable way, from one pass of the images.

What varies is the measure, which layers are compared, what represents an image in a layer, and whether a minibatch is
taken whole or as two halves, whose Gram matrices are parts of the whole's. What is dear is left out: measures other
than CKA compare all layers only by all that these return and in whole minibatches, and Procrustes, which takes roots of
every pair of layers, blocks alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product, starmap

import torch

from seelike.activations.flattened import Outputs
from seelike.activations.representation import pool, take_cls
from seelike.measures.cka import MIN_IMAGES, multiply
from seelike.measures.layer_cka import Matches, Roles, Runs, RunSimilarity, label
from seelike.measures.runner import Cast, Found, feed
from seelike.measures.similarities.all_pairs import AllPairs, Similarity, examine
from seelike.measures.similarities.choices import MEASURES
from seelike.results.choices import Choices

REPRESENTATIONS = {"flattened": None, "pooled": pool, "CLS": take_cls}
FLATTENED, WHOLE = "flattened", "whole"
PLAIN = {"measure": "cka", "representation": FLATTENED, "minibatch": WHOLE}
CALIBRATED, RAW = "calibrated", "raw"  # best matches, held against shuffled images or not
PARTS = {WHOLE: 1, "halves": 2}
ALL, BLOCKS = "all", "blocks"
Layers = Mapping[str, Sequence[str]]  # model → the names of its layers
Named = Sequence[dict[str, Sequence[str]]]  # of each run, the names of the layers of its models, by role


@dataclass(frozen=True)
class Way:
    """How layers are compared: an option of each choice."""

    measure: str
    layers: str
    representation: str
    minibatch: str

    @property
    def is_dear(self) -> bool:
        """Whether it is left out, as said above."""
        plain = (self.representation, self.minibatch) == (FLATTENED, WHOLE)
        within = self.layers == BLOCKS or self.measure == "cka"
        return (self.measure == "procrustes" and not (plain and within)) or not (plain or within)


class Varied:
    """Accumulator of all that is made of one representation of some models' layers.

    Args:
        reads: what gives the Gram matrices of each model, of all its layers.
        layers: set of layers → which of them are in it, as "role/layer".
        ways: those of this representation.
    """

    def __init__(self, reads: dict[str, Outputs], layers: dict[str, list[str]], ways: Iterable[Way]):
        self.reads, self.layers = reads, layers
        self.pairs = {way: AllPairs(MEASURES[way.measure]) for way in ways}

    def update(self, found: dict[str, dict[str, torch.Tensor]]) -> None:
        """Add one minibatch of the same images for all models."""
        grams = {label(role, name): k for role, each in found.items() for name, k in each.items()}
        for layers, names in self.layers.items():
            if ways := [way for way in self.pairs if way.layers == layers]:
                self._compare(ways, tuple(names), torch.stack([grams[name] for name in names]))

    def _compare(self, ways: list[Way], names: tuple[str, ...], grams: torch.Tensor) -> None:
        examined = examine(grams)
        for way in ways:
            for part in cut(grams, PARTS[way.minibatch]):
                self.pairs[way].add(names, part, examined)

    def merge(self, *others: "Varied") -> None:
        """Add the minibatches of other ranks or shards."""
        for way, pairs in self.pairs.items():
            pairs.merge(*(other.pairs[way] for other in others))

    def result(self) -> dict[Way, Similarity]:
        """Of each way; raises InputError before the first minibatch."""
        return {way: pairs.result() for way, pairs in self.pairs.items()}


def cut(grams: torch.Tensor, n_parts: int) -> Iterator[torch.Tensor]:
    """Copies of the Gram matrices (layers, n, n) of so many parts of a minibatch; images left over are dropped."""
    size = grams.shape[-1] // n_parts
    for start in range(0, n_parts * size, size):
        own = slice(start, start + size)
        yield grams[:, own, own].clone()


class AllWays:
    """What is asked of some models: similarity of all their layers, in all ways.

    Args:
        cast: has the models.
        layers: set of layers → those of each model; "all" has those of "blocks". Of a single set none is chosen.
        batch_size: images a minibatch, which is halved only where the halves have enough.
    """

    def __init__(self, cast: Cast, layers: dict[str, Layers], batch_size: int):
        ways = [way for way in _list_ways(layers, batch_size) if not way.is_dear]
        labels = {name: [label(model, each) for model in of for each in of[model]] for name, of in layers.items()}
        largest = layers.get(ALL, layers[BLOCKS])
        self.chosen = [each.name for each in fields(Way) if each.name != "layers" or len(layers) > 1]
        self.asked = [
            cast.compare(Varied(_read(largest, represent), labels, [way for way in ways if way.representation == name]))
            for name, represent in REPRESENTATIONS.items()
        ]

    def gather(self, found: Found) -> Iterator[tuple[Choices, Similarity]]:
        """The choices of every way, and what all minibatches told in it."""
        for each in self.asked:
            for way, similarity in found[each].items():
                yield {name: getattr(way, name) for name in self.chosen}, similarity


def compare_in_all_ways(
    runs: Runs, named: dict[str, Named], matched: Roles, batch_size: int
) -> Iterator[tuple[Choices, list[RunSimilarity]]]:
    """The choices of every way, and what it gives of each run, from one pass of the images.

    `chance` is among the choices: whether best matches are held against shuffled images, which only is known of layers
    that are compared as in the chapters.

    Args:
        named: set of layers → those of each run's models by role; "all" has those of "blocks".
        matched: role → the roles among whose layers its best matches are.
    """
    layers = {name: runs.gather_layers(of) for name, of in named.items()}
    asked, matches = AllWays(runs.cast, layers, batch_size), Matches(runs.cast, layers[ALL], runs.models, matched)
    found = feed(runs.minibatches, runs.cast)
    known = matches.gather(found)
    for choices, similarity in asked.gather(found):
        own = choices["layers"]
        yield choices | {"chance": RAW}, runs.split(similarity, named[own])
        if all(choices[name] == option for name, option in PLAIN.items()):
            nulls = matches.choose(known, layers[own])
            yield choices | {"chance": CALIBRATED}, runs.split(similarity, named[own], nulls)


def leave_out(choices: Choices, name: str) -> Choices:
    """All choices but one."""
    return {each: option for each, option in choices.items() if each != name}


def _list_ways(layers: Iterable[str], batch_size: int) -> Iterator[Way]:
    sizes = [size for size, n in PARTS.items() if batch_size // n >= MIN_IMAGES]
    return starmap(Way, product(MEASURES, layers, REPRESENTATIONS, sizes))


def _read(layers: Layers, represent) -> dict[str, Outputs]:
    return {model: Outputs(tuple(names), multiply, represent) for model, names in layers.items()}
