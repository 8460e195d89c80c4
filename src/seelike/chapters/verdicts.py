"""What chapters found, and what the rule of `seelike.results.claims` makes of it.

Each part of a claim has an effect with an interval; so has the same effect of untrained models, the control, and so has
the difference that training makes, trained − untrained, of the same images. A claim needs training only where that
difference says so: that its control does not hold shows nothing.
"""

import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from seelike.measures.intervals import Estimate, Terms, combine
from seelike.results.claims import CLAIMS, NOT_APPLICABLE, Claim, Part, worst
from seelike.results.covers import IMAGES, TRAININGS
from seelike.results.labelled_array import Measures

Names = list[dict[str, str]]  # of each run: role → model
Trainings = dict[tuple[str, ...], dict[tuple[str, ...], np.ndarray]]  # roles → their models → replicates
Judged = tuple[Estimate, str]  # an effect and its verdict
KINDS = ("verdict", "control_verdict")


class Measured(Protocol):
    """What a chapter found on one set of models."""

    def arrays(self) -> Measures:
        """Measure → model (or pair) → labelled array."""

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms; what was not measured on these models is left out."""


def weigh(trained: list[Measured], control: list[Measured], names: Names, has_resnet: bool) -> dict[str, dict]:
    """Claim → its entry in a result file, of the claims all parts of which were measured.

    Args:
        trained: what was found in each run.
        control: the same before training.
        names: of each run, the models by role; those of one name are one model.
        has_resnet: whether the CNN is a ResNet.
    """
    found, untrained = ([measured.terms() for measured in runs] for runs in (trained, control))
    return {claim.id: _weigh(claim, found, untrained, names, has_resnet) for claim in _list_measured(found)}


def judge_trained(trained: list[Measured], names: Names, has_resnet: bool) -> dict[str, dict]:
    """Part of a claim → its effect, interval and verdict as `weigh` gives them, where there are no controls."""
    found = [measured.terms() for measured in trained]
    judged: dict[str, Judged] = {}
    for claim in _list_measured(found):
        judged |= judge(claim, found, names, has_resnet)
    return {part: _tell("effect", effect) | {"verdict": verdict} for part, (effect, verdict) in judged.items()}


def _list_measured(found: list[dict[str, Terms]]) -> list[Claim]:
    """The claims all parts of which were measured."""
    return [claim for claim in CLAIMS.values() if all(part.id in found[0] for part in claim.parts)]


def judge(claim: Claim, found: list[dict[str, Terms]], names: Names, has_resnet: bool) -> dict[str, Judged]:
    """Part of a claim → its effect and verdict, from the terms of every run alone, without controls."""
    judged = {}
    for part in claim.parts:
        effect = _combine(_gather(part.id, found, names)).within(*part.bounds)
        applies = has_resnet or not claim.of_resnets
        judged[part.id] = effect, part.judge(effect.low, effect.high) if applies else NOT_APPLICABLE
    return judged


def _weigh(claim: Claim, found: list[dict], untrained: list[dict], names: Names, has_resnet: bool) -> dict:
    both = {part: [_gather(part.id, runs, names) for runs in (found, untrained)] for part in claim.parts}
    parts = {part.id: _weigh_part(part, *trainings) for part, trainings in both.items()}
    for entry in parts.values():
        if claim.constructed:
            entry["control_verdict"] = NOT_APPLICABLE
        if claim.of_resnets and not has_resnet:
            entry |= dict.fromkeys(KINDS, NOT_APPLICABLE)
    verdicts = {kind: worst(entry[kind] for entry in parts.values()) for kind in KINDS}
    counts: dict[str, int] = {}
    for trainings, _ in both.values():
        for roles in trainings:
            counts |= _count(roles, trainings[roles])
    return verdicts | {"covers": _tell_cover(claim, counts), "trainings": counts, "parts": parts}


def _tell_cover(claim: Claim, counts: dict[str, int]) -> str:
    """What an interval covers, from how many models of each role take part."""
    if not counts:
        return claim.covers
    return TRAININGS if min(counts.values()) > 1 else IMAGES


def _weigh_part(part: Part, trained: Trainings, control: Trainings) -> dict:
    """Effect, control and what training changes, each with its interval; p-values of the effect."""
    made = {roles: {own: each - control[roles][own] for own, each in of.items()} for roles, of in trained.items()}
    effect, untrained = (_combine(each).within(*part.bounds) for each in (trained, control))
    entry = _tell("effect", effect) | {"verdict": part.judge(effect.low, effect.high)}
    entry |= _tell("control", untrained) | {"control_verdict": part.judge(untrained.low, untrained.high)}
    entry |= _tell("training", _combine(made))
    p_value = effect.p_above if part.above else effect.p_below
    return entry | {"p": _known(p_value(part.smallest)), "p_sign": _known(p_value(part.reference))}


def _gather(part: str, runs: list[dict[str, Terms]], names: Names) -> Trainings:
    """The terms of a part in every run; models that several runs share count once.

    Terms of trainings that no run loads are of two axes, (trainings, draws + 1), and the same in every run.
    """
    found: Trainings = {}
    for own, terms in zip(names, runs, strict=True):
        for roles, replicates in terms.get(part, {}).items():
            models = [*replicates] if replicates.ndim == 2 else [replicates]
            for number, each in enumerate(models):
                named = tuple(own.get(role, str(number)) for role in roles)
                found.setdefault(roles, {}).setdefault(named, each)
    return found


def _combine(trainings: Trainings) -> Estimate:
    n_trainings = {roles: min(_count(roles, of).values(), default=1) for roles, of in trainings.items()}
    return combine({roles: of.values() for roles, of in trainings.items()}, n_trainings)


def _count(roles: tuple[str, ...], trainings: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Role → how many models of it there are among some trainings; nothing of a term of no model."""
    return {role: len(set(models)) for role, models in zip(roles, zip(*trainings, strict=True), strict=True)}


def _tell(kind: str, estimate: Estimate) -> dict:
    """A number and its interval, None where they are not defined, as in a result file."""
    interval = "interval" if kind == "effect" else f"{kind}_interval"
    return {kind: _known(estimate.effect), interval: [_known(estimate.low), _known(estimate.high)]}


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None
