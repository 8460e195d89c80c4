"""Beyond the papers: does a system that is neither a plain ViT nor a plain ResNet see like the one or like the other?

What a ViT and a ResNet have of each trait (`chapters.traits`) are the two ends of a scale, and a system has a place on
it (`measures.between`). No paper claims anything of this, and no claim is judged.

A trait that cannot be measured of a model is left out with the sentence that says why, and stops no other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from math import nan

import numpy as np
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import Layer, find_stage_ends
from seelike.chapters.chapter import Chapter
from seelike.chapters.probe_images import ProbeImages, even_and_odd, name_parameters, open_probe_images
from seelike.chapters.run import MODELS, Run
from seelike.chapters.traits import EARLY, LOCAL, SKIPS, TRAITS, Reasons, Traits
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.block_probes import ProbeCurve, probe_blocks
from seelike.measures.intervals import Estimate, Terms
from seelike.measures.layer_cka import JointCKA, Runs
from seelike.measures.norm_ratio import NormRatios, Ratios
from seelike.measures.runner import Cast, Found, Measure, feed, feed_one
from seelike.measures.token_patch_cka import Products, find_common_grid
from seelike.results.labelled_array import Arrays, LabelledArray, Measures
from seelike.results.model_names import SEVERAL
from seelike.system.errors import THE_MODEL, InputError

VIT, CNN = MODELS
ATTENTION = "attention"  # beside the traits: a ResNet has none, so that there is no scale
LEAST_BLOCKS = 3
NO_PROBES = "without n_probe_images nothing is probed"
UNTRAINED = "random weights are not probed: they tell nothing of classes, early or late"


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run, probed: ProbeImages | None) -> Iterator["Hybrids"]:
    """Pass the images once through the models of all runs; what is found of all of them is one finding.

    Args:
        loaded: {"vit": …, "cnn": …} and every system by its role.
        probed: from `open_probe_images(run)`; without them no probes are made.

    Raises InputError, which names the model, for one whose blocks cannot be compared, or of fewer than three.
    """
    asked = _Asked(Runs(loaded, run.minibatches))
    found = feed(asked.runs.minibatches, asked.cast)
    yield asked.gather(found, asked.probe(run, probed), probed)


class _Asked:
    """What is asked of the models of all runs; `reasons` say what cannot be, and why."""

    def __init__(self, runs: Runs):
        self.runs, self.cast = runs, runs.cast
        self.reasons: Reasons = {}
        self.systems = [role for role in runs.models if role not in MODELS]
        self.blocks = {model: self.cast.ask(model, find_blocks) for model in self.cast.models}
        self.named = [{role: _name(self.blocks[model]) for role, model in own.items()} for own in runs.own]
        self.cka = self.cast.compare(JointCKA.of({model: _name(own) for model, own in self.blocks.items()}))
        self.ratios = self._ask(SKIPS, self.cast.models, _ask_ratios)
        self.own = self._ask(LOCAL, self.cast.models, lambda cast, model: cast.measure(model, Products))
        self.tokens = {system: self._ask_tokens(system) for system in self.systems}
        attend = lambda cast, model: cast.measure(model, Distances)  # noqa: E731
        self.distances = self._ask(ATTENTION, [VIT, *self.systems], attend)

    def _ask(self, trait: str, models: Iterable[str], ask: Callable[[Cast, str], Measure]) -> dict[str, Measure]:
        """What a trait takes of models, of those of which it can be measured."""
        found = {}
        for model in models:
            try:
                found[model] = ask(self.cast, model)
            except InputError as error:
                self.reasons.setdefault(model, {})[trait] = str(error)
        return found

    def _ask_tokens(self, system: str) -> dict[str, Products]:
        """Token–patch products of a system and both ends on windows that all have; none where one has no tokens."""
        compared = [model for role in (*MODELS, system) for model in self.runs.models[role]]
        if not self.own.keys() >= set(compared):
            return {}
        grid = find_common_grid(self.own[model].blocks for model in compared)
        pool = partial(Products, grid=grid)
        fitting = {model for model in compared if self.own[model].blocks.grid == grid}
        return {model: self.own[model] if model in fitting else self.cast.measure(model, pool) for model in compared}

    def probe(self, run: Run, probed: ProbeImages | None) -> dict[str, ProbeCurve]:
        """What probes read off every block of the first run's models whose tokens have positions."""
        if probed is None:
            reason = NO_PROBES if run.opened is None else UNTRAINED
            self.reasons |= {role: self.reasons.get(role, {}) | {EARLY: reason} for role in self.runs.models}
            return {}
        able = self._ask(EARLY, self.runs.models, lambda cast, model: cast.ask(model, lambda own: own.blocks()))
        models = {model: self.cast.models[model] for model in able}
        return probe_blocks(models, probed.minibatches(models, run), probed.labels, probed.folds)

    def gather(self, found: Found, curves: dict[str, ProbeCurve], probed: ProbeImages | None) -> "Hybrids":
        """What all minibatches told."""
        similarity, *_ = self.runs.split(found[self.cka], self.named)
        read = lambda asked: {model: found[each] for model, each in asked.items()}  # noqa: E731
        tokens = {system: read(own) for system, own in self.tokens.items()}
        chance = 1 / len(probed.labels.unique()) if probed else 0.0
        ratios = read(self.ratios)
        traits = Traits(self.runs.models, similarity, self.blocks, ratios, tokens, curves, chance, self.reasons)
        return Hybrids(self.systems, traits, read(self.distances))


def find_blocks(architecture: Architecture) -> tuple[Layer, ...]:
    """The blocks of a model. Raises InputError for one of fewer than three: it has no lowest and highest third."""
    found = architecture.layers("blocks")
    if len(found) < LEAST_BLOCKS:
        raise InputError(f"{THE_MODEL} must have at least {LEAST_BLOCKS} blocks to compare, not {len(found)}")
    return found


def _name(layers: Iterable[Layer]) -> list[str]:
    return [layer.name for layer in layers]


def _ask_ratios(cast: Cast, model: str) -> Ratios:
    """Whether a model is made of residual sums shows in a pass, here of one image."""
    cast.look(model, lambda module, image: feed_one(module, [image], Ratios))
    return cast.measure(model, Ratios)


@dataclass(frozen=True)
class Hybrids:
    """Every trait of every system, and what the page shows beside them: arrays of the first run."""

    systems: list[str]
    traits: Traits
    distances: dict[str, AttentionDistance]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure.

        `place` and `score` have a number with its interval for each trait, NaN where `unmeasured` says why: that array
        has a sentence for each, and the number of its trait, from 0, `attention` the last.
        """
        by_system = {
            "place": self._place,
            "score": self._score,
            "equal_depth_cka": self._compare_depths,
            "unmeasured": self._say_unmeasured,
        }
        found = {measure: {system: show(system) for system in self.systems} for measure, show in by_system.items()}
        found["cka"] = self._show_similarities()
        found["twin_place"] = {
            role: LabelledArray({"value": ["place"]}, [place]) for role, place in self.traits.place_twins().items()
        }
        found |= self._show_depths() | {"attention_distance": {r: own.array() for r, own in self.distances.items()}}
        known = {measure: {role: own for role, own in of.items() if own is not None} for measure, of in found.items()}
        return {measure: arrays for measure, arrays in known.items() if arrays}

    def _show_depths(self) -> Measures:
        """What traits are made of, by depth."""
        traits = self.traits
        tokens = {role: own[role] for system, own in traits.tokens.items() for role in (*MODELS, system) if own}
        ratios = {role: own for role, own in traits.ratios.items() if role in traits.models and own.identity.any()}
        return {
            "norm_ratio": {role: _show_identities(own) for role, own in ratios.items()},
            "localization_score": {role: own.score_array() for role, own in tokens.items()},
            "probe_accuracy": {role: _show_best(own) for role, own in traits.curves.items()},
        }

    def terms(self) -> dict[str, Terms]:
        """None: no claim is judged."""
        return {}

    def _show_similarities(self) -> Arrays:
        """CKA within and between both ends; of each system within itself, and with both ends."""
        names = {role: _name(self.traits.blocks[role]) for role in self.traits.models}
        similarity, cka = self.traits.similarity, {}
        for role in (*MODELS, *self.systems):
            axes = {"layer": names[role], "other": names[role]}
            ends = find_stage_ends(self.traits.blocks[role])
            cka[role] = LabelledArray(axes, similarity.values(role, role), boundaries=ends or None)
            for end in MODELS if role in self.systems else ():
                axes = {"system_layer": names[role], f"{end}_layer": names[end]}
                cka[f"{role}_{end}"] = LabelledArray(axes, similarity.values(role, end))
            if role == CNN:
                axes = {"vit_layer": names[VIT], "cnn_layer": names[CNN]}
                cka["vit_cnn"] = LabelledArray(axes, similarity.values(*MODELS))
        return cka

    @cached_property
    def _places(self) -> dict[str, dict[str, Estimate | str]]:
        """System → trait → its place, or why there is none."""
        place = self.traits.place
        return {system: {trait: _try(place, trait, system) for trait in TRAITS} for system in self.systems}

    def _place(self, system: str) -> LabelledArray:
        return label_estimates("place", {"trait": TRAITS}, self._places[system].values())

    def _score(self, system: str) -> LabelledArray:
        roles = (*MODELS, system)
        scores = [_try(self.traits.score, trait, role, system) for role in roles for trait in TRAITS]
        return label_estimates("score", {"model": roles, "trait": TRAITS}, scores)

    def _compare_depths(self, system: str) -> LabelledArray:
        compared = self.traits.compare_depths(system)
        return label_estimates("cka", {"end": compared}, compared.values())

    def _say_unmeasured(self, system: str) -> LabelledArray | None:
        said = [(own, n) for n, own in enumerate(self._places[system].values()) if not isinstance(own, Estimate)]
        reason = self.traits.reasons.get(system, {}).get(ATTENTION)
        said += [(reason, len(TRAITS))] if reason else []
        reasons, traits = zip(*said, strict=True) if said else ((), ())
        return LabelledArray({"reason": reasons}, traits) if said else None


def _try(find: Callable[..., Estimate], *arguments: str) -> Estimate | str:
    try:
        return find(*arguments)
    except InputError as error:
        return str(error)


def label_estimates(name: str, axes: dict[str, Iterable], found: Iterable[Estimate | str]) -> LabelledArray:
    """Numbers with their intervals, along the last axis; NaN where there is none."""
    numbers = [(own.effect, own.low, own.high) if isinstance(own, Estimate) else (nan,) * 3 for own in found]
    axes = {axis: list(labels) for axis, labels in axes.items()} | {"value": [name, "low", "high"]}
    return LabelledArray(axes, np.reshape(numbers, [len(labels) for labels in axes.values()]))


def _show_identities(ratios: NormRatios) -> LabelledArray:
    """Norm ratios of spatial tokens, of those skips that are the identity."""
    array, chosen = ratios.arrays()["norm_ratio"], ratios.identity
    names = [name for name, known in zip(array.axes["sublayer"], chosen, strict=True) if known]
    return LabelledArray({"sublayer": names}, array.values[chosen, -1])


def _show_best(curve: ProbeCurve) -> LabelledArray:
    """Accuracy by block of the readout that tells most."""
    best = curve.find_best()
    return LabelledArray({"readout": [best], "block": curve.blocks}, [curve.values(best)])


CHAPTER = Chapter(
    "hybrids",
    lambda loaded, run: measure_runs(loaded, run, run.opened),
    control=lambda loaded, run: measure_runs(loaded, run, None),
    rehearse=lambda models, run: next(measure_runs([models], run, even_and_odd(run))),
    open=open_probe_images,
    own=(SEVERAL, *name_parameters("probe")),
)
