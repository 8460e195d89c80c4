"""Images once through every model, for all that is measured: the one place that knows of minibatches and processes.

What is measured is an accumulator. It says what it reads of a pass, takes in what was read of each minibatch, and knows
nothing of roles, of other measures, or of the processes that share the work. A model that several runs share, or that
stands in several roles, is passed through once; what several measures read alike of it is read once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.forward import Reading, read_once
from seelike.system import processes
from seelike.system.errors import THE_MODEL, InputError, naming

T = TypeVar("T")
Minibatches = Iterable[dict[str, torch.Tensor]]  # the images of every role, (n, 3, height, width)
Seen = dict[tuple[nn.Module, int], dict["Read", dict[str, Any]]]  # what was read of a model and images, by their id


class Read(Protocol):
    """What is read of a pass; two that are equal read the same, so that one will do."""

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """Context in which one pass of the images fills what is read."""


class Measure(Protocol):
    """An accumulator of what is found in one model."""

    read: Read

    def update(self, found: dict[str, Any]) -> None:
        """Add what was read of one minibatch."""

    def merge(self, *others: "Measure") -> None:
        """Add what others have, whose minibatches were taken in turn with its own."""

    def result(self) -> Any:
        """What was found; raises InputError before the first minibatch."""


class Comparison(Protocol):
    """The same of several models, by role."""

    reads: dict[str, Read]

    def update(self, found: dict[str, dict[str, Any]]) -> None:
        """Add what was read of every role in one minibatch."""

    def merge(self, *others: "Comparison") -> None: ...

    def result(self) -> Any: ...


Found = dict[Measure | Comparison, Any]  # each with its result


@dataclass(eq=False)
class Cast:
    """The models of one run in their roles, what each is made of, an image that it takes, and what is asked of it."""

    models: dict[str, nn.Module]
    architectures: dict[str, Architecture] = field(default_factory=dict)
    images: dict[str, torch.Tensor] = field(default_factory=dict)  # (1, 3, height, width)
    measures: list[tuple[str, Measure]] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    def in_roles(self, names: dict[str, str]) -> "Cast":
        """What is known of some of the models, each in the role that has its name here; none of what is asked."""
        parts = (self.models, self.architectures, self.images)
        return Cast(*({role: part[name] for role, name in names.items()} for part in parts))

    def ask(self, role: str, question: Callable[[Architecture], T]) -> T:
        """What a model's architecture tells. A refusal names the role."""
        with naming(role, self.models[role]):
            return question(self.architectures[role])

    def look(self, role: str, work: Callable[[nn.Module, torch.Tensor], T]) -> T:
        """What a model tells of its one image. A refusal names the role."""
        with naming(role, self.models[role]):
            return work(self.models[role], self.images[role])

    def measure(self, role: str, make: Callable[[Architecture], Measure]) -> Measure:
        """Have the measure that `make` gives fed with what one model does. A refusal names the role."""
        return self.add(role, self.ask(role, make))

    def add(self, role: str, measure: Measure) -> Measure:
        """Have it fed with what one model does."""
        self.measures.append((role, measure))
        return measure

    def compare(self, comparison: Comparison) -> Comparison:
        """Have it fed with what the models of its roles do."""
        self.comparisons.append(comparison)
        return comparison

    def reads(self) -> list[tuple[str, Read]]:
        """All that is read, with the role."""
        compared = [(role, read) for each in self.comparisons for role, read in each.reads.items()]
        return [(role, measure.read) for role, measure in self.measures] + compared

    def asked(self) -> list[Measure | Comparison]:
        """All measures and comparisons."""
        return [*(measure for _, measure in self.measures), *self.comparisons]


def assemble(runs: Sequence[dict[str, nn.Module]], minibatches: Minibatches) -> tuple[list[Cast], Minibatches]:
    """A cast of each run's models, each looked at once in the first minibatch; and all minibatches.

    Raises InputError, which names the role, for a model that cannot take the images, and where there are none.
    """
    first, minibatches = peek(minibatches)
    images = {role: own[:1].clone() for role, own in first.items()}  # a part would keep the whole in memory
    known: dict[nn.Module, Architecture] = {}
    for models in runs:
        for role, model in models.items():
            with naming(role, model):
                known[model] = known.get(model) or Architecture.of(model, images[role])
    casts = [Cast(models, {role: known[model] for role, model in models.items()}, images) for models in runs]
    return casts, minibatches


def name_all(loaded: Iterable[dict[str, nn.Module]]) -> tuple[dict[str, nn.Module], list[dict[str, str]]]:
    """All models that differ, by a name: `vit`, of later runs `vit_run2` and so on; and each run's names by role."""
    everyone: dict[str, nn.Module] = {}
    runs = []
    for number, models in enumerate(loaded, 1):
        own = {}
        for role, model in models.items():
            known = (name for earlier in runs if everyone[name := earlier[role]] is model)
            own[role] = next(known, f"{role}_run{number}" if runs else role)
            everyone[own[role]] = model
        runs.append(own)
    return everyone, runs


def name_needed(
    loaded: Iterable[dict[str, nn.Module]], later: Collection[str]
) -> tuple[dict[str, nn.Module], list[dict[str, str]], dict[str, str]]:
    """As `name_all`, but of runs after the first only the models in the roles of `later`; and name → role."""
    everyone, names = name_all(loaded)
    roles = {name: role for own in names for role, name in own.items() if own is names[0] or role in later}
    return {name: everyone[name] for name in roles}, names, roles


def peek(minibatches: Iterable[T]) -> tuple[T, Iterable[T]]:
    """The first minibatch, and all. Raises InputError where there are none."""
    remaining = iter(minibatches)
    for first in remaining:
        return first, _put_back(first, remaining)
    raise InputError("at least one full minibatch of images is needed")


def _put_back(first: T, remaining: Iterator[T]) -> Iterator[T]:
    yield first
    del first  # it is not kept in memory with the others
    yield from remaining


def feed(minibatches: Minibatches, *casts: Cast) -> Found:
    """Pass all images once through every model of which something is read; the results, of all processes.

    A minibatch may hold the images of some roles alone: the others then wait for theirs.
    """
    wanted = _gather_reads(casts)
    for images in minibatches:
        seen: Seen = {}
        for cast in casts:
            _feed_one(cast, images, wanted, seen)
    return {each: processes.merge(each).result() for cast in casts for each in cast.asked()}


def feed_one(
    model: nn.Module,
    minibatches: Iterable[torch.Tensor],
    make: Callable[[Architecture], Measure],
    role: str = THE_MODEL,
) -> Any:
    """The result of one measure of one model, of this process alone."""
    (cast,), minibatches = assemble([{role: model}], ({role: images} for images in minibatches))
    measure = cast.measure(role, make)
    with processes.alone():
        return feed(minibatches, cast)[measure]


def spread(models: dict[str, nn.Module], work: Callable[[str], T]) -> dict[str, T]:
    """`work` of every role, each done by one process alone. A refusal names the role."""

    def work_named(role: str) -> T:
        with naming(role, models[role]):
            return work(role)

    return dict(zip(models, processes.spread(list(models), work_named), strict=True))


def _gather_reads(casts: Iterable[Cast]) -> dict[nn.Module, list[Read]]:
    """Model → what is read of it, each once."""
    wanted: dict[nn.Module, dict[Read, None]] = {}
    for cast in casts:
        for role, read in cast.reads():
            wanted.setdefault(cast.models[role], {}).setdefault(read)
    return {model: list(reads) for model, reads in wanted.items()}


def _feed_one(
    cast: Cast,
    images: dict[str, torch.Tensor],
    wanted: dict[nn.Module, list[Read]],
    seen: Seen,
) -> None:
    """Update all measures of a cast by one minibatch; models that are in `seen` are not passed through again."""

    def look(role: str) -> dict[Read, dict]:
        model, own = cast.models[role], images[role]
        if (model, id(own)) not in seen:
            reads = wanted[model]
            with naming(role, model):
                found = read_once(model, own, *(read.reading(model, own) for read in reads))
            seen[model, id(own)] = dict(zip(reads, found, strict=True))
        return seen[model, id(own)]

    for role, measure in cast.measures:
        if role in images:
            found = look(role)[measure.read]
            with naming(role, cast.models[role]):
                measure.update(found)
    for each in cast.comparisons:
        if each.reads.keys() <= images.keys():
            each.update({role: look(role)[read] for role, read in each.reads.items()})
