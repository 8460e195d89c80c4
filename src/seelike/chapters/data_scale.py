"""Section 8 of the paper, all of it: what a model trained on little data shares with one trained on all of it.

Models are called by the parameters of the chapter that name them: `vit_3pct` learned from 3 % of the images that
`vit` learned from, `vit_near` and `vit_far` went on from `vit` to a near and to a far task.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.chapters.chapter import Chapter
from seelike.chapters.probe_images import ProbeImages, even_and_odd, open_probe_images
from seelike.chapters.run import Run
from seelike.measures import attention_distance, block_probes
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.block_probes import ProbeCurve, depth_averaged_accuracy, middle_third_accuracy
from seelike.measures.corresponding_layers import Counterparts, Pairing
from seelike.measures.intervals import Estimate, bootstrap
from seelike.measures.runner import Cast, assemble, feed, spread
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

# Full-data model → percent of the data → model.
SHARES = {
    "vit": {3: "vit_3pct", 10: "vit_10pct", 30: "vit_30pct", 100: "vit"},
    "vit_small": {3: "vit_small_3pct", 100: "vit_small"},
    "cnn": {3: "cnn_3pct", 100: "cnn"},
}
TASKS = {"near": "vit_near", "far": "vit_far"}
OPTIONAL = ("vit_3pct", "vit_10pct", "vit_30pct", "vit_small", "vit_small_3pct", "cnn_3pct", "vit_near", "vit_far")


def open_tasks(run: Run) -> dict[str, ProbeImages]:
    """The images of "probe" and of "transfer", as the parameters that begin so name them.

    Neither without n_probe_images; no "transfer" where transfer_dataset is empty. Raises InputError, which names the
    parameter, for what cannot be read, where a class has too few images, or if no claim could be tested.
    """
    opened = {}
    for kind in ("probe", "transfer"):
        dataset = run.parameters[f"{kind}_dataset"]
        try:
            opened[kind] = open_probe_images(run, kind) if dataset else None
        except InputError as error:
            named = str(error).startswith(f"{kind}_")
            raise InputError(str(error) if named else f"{kind}_dataset={dataset!r}: {error}") from None
    there = set(run.models)
    if not (opened["probe"] or "vit_3pct" in there or set(TASKS.values()) <= there):
        raise InputError("n_probe_images must be above 0, or vit_3pct name a model: otherwise no claim can be tested")
    return {kind: images for kind, images in opened.items() if images}


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], run: Run, tasks: dict[str, ProbeImages]
) -> Iterator["DataScale"]:
    """All of the chapter on the first run's models; D4 alone on the "vit" and "cnn" of every other seed.

    The ViTs of other seeds are also compared with the first, to show how alike two full-data models are.

    Args:
        loaded: the models of every run, from `run.load_models()` or `run.load_controls()`.
        tasks: from `open_tasks`.
    """
    first, *others = loaded
    twins = {f"vit_run{i}": models["vit"] for i, models in enumerate(others, 2)}
    everyone = _merge(first | twins)
    twins = [role for role in twins if everyone[role] is not everyone["vit"]]
    by_share = {role: everyone[role] for role in SHARES["vit"].values() if role in first}
    named = {role: everyone[role] for shares in SHARES.values() for role in shares.values() if role in first}
    pairs = find_pairs(first) | dict.fromkeys(twins, "vit")
    compared, distances = _compare(everyone, pairs, list(by_share), run) if pairs else (None, {})
    curves = {kind: _probe(named if kind == "probe" else by_share, run, images) for kind, images in tasks.items()}
    yield DataScale(compared, distances, curves)
    for models in others if "probe" in tasks else ():
        pair = {role: models[role] for role in ("vit", "cnn")}
        yield DataScale(None, {}, {"probe": _probe(pair, run, tasks["probe"])})


def find_pairs(names: Collection[str]) -> dict[str, str]:
    """Of the models that there are, each with the full-data model that its blocks are compared with."""
    pairs = {role: full for full, shares in SHARES.items() for role in shares.values() if role != full}
    pairs |= dict.fromkeys(TASKS.values(), "vit")
    return {one: other for one, other in pairs.items() if one in names and other in names}


@dataclass(frozen=True)
class DataScale:
    """What section 8 of the paper asks; what there were no models for is None or left out."""

    counterparts: Counterparts | None
    distances: dict[str, AttentionDistance]
    curves: dict[str, dict[str, ProbeCurve]]  # "probe" or "transfer" → model → accuracy by block

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = _cka_arrays(self.counterparts) if self.counterparts else {}
        for kind, curves in self.curves.items():
            values = {role: curve.values for role, curve in curves.items()}
            found[f"{kind}_accuracy"] = _by_share(values, {role: curve.blocks for role, curve in curves.items()})
        if self.distances:
            percent = [percent for percent, role in SHARES["vit"].items() if role in self.distances]
            estimates = [_find_local_head(self.distances[SHARES["vit"][share]]) for share in percent]
            values = [[estimate.effect, estimate.low, estimate.high] for estimate in estimates]
            axes = {"percent": percent, "bound": ["distance", "low", "high"]}
            found["local_head_distance"] = {"vit": LabelledArray(axes, values)}
        return found

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect: D1, D2 and D6 with intervals over minibatches, D3 to D5 over the probes' draws."""
        found = self.counterparts.estimates(seed) if self.counterparts else {}
        probe, transfer = (self.curves.get(kind, {}) for kind in ("probe", "transfer"))
        for claim, curves, other, summary in (
            ("D3", probe, "vit_3pct", middle_third_accuracy),
            ("D4", probe, "cnn", depth_averaged_accuracy),
            ("D5", transfer, "vit_3pct", middle_third_accuracy),
        ):
            if other in curves:
                found[claim] = block_probes.compare(curves["vit"], curves[other], summary, seed)
        return dict(sorted(found.items()))


def _compare(
    models: dict[str, nn.Module], pairs: dict[str, str], by_share: list[str], run: Run
) -> tuple[Counterparts, dict[str, AttentionDistance]]:
    """Blocks against their counterparts, and how far the heads of `by_share` look."""
    compared = {role: model for role, model in models.items() if role in pairs or role in pairs.values()}
    (cast,), minibatches = assemble([compared], run.minibatches(compared))
    pairing, distances = Pairing(cast, pairs), _ask_distances(cast, by_share)
    found = feed(minibatches, cast)
    return pairing.gather(found), {role: found[each] for role, each in distances.items()}


def _ask_distances(cast: Cast, roles: list[str]) -> dict[str, Distances]:
    """Of each of two or more models; of none where a model's attention is not accessible."""
    try:
        distances = {role: cast.ask(role, Distances) for role in roles if len(roles) > 1}
    except InputError:
        return {}
    return {role: cast.add(role, each) for role, each in distances.items()}


def _probe(models: dict[str, nn.Module], run: Run, images: ProbeImages) -> dict[str, ProbeCurve]:
    """The curve of every model, each of which one process alone passes the images through."""
    names = {model: role for role, model in models.items()}

    def probe(role: str) -> ProbeCurve:
        own = {role: models[role]}
        return block_probes.probe_blocks(own, images.minibatches(own, run), images.labels, images.folds)[role]

    found = spread({role: model for model, role in names.items()}, probe)
    return {role: found[names[model]] for role, model in models.items()}


def _find_local_head(found: AttentionDistance) -> Estimate:
    """The distance of the most local head in the first two blocks (1: uniform attention), over minibatches."""
    return bootstrap(found.minibatches / found.uniform, attention_distance.most_local_low, seed=0)


def _cka_arrays(found: Counterparts) -> Measures:
    """`data_scale_cka` by share of the data and by seed, `tuning_cka` by task, both by block."""
    arrays = {"data_scale_cka": _by_share(found.values, found.blocks)}
    twins = [role for role in found.pairs if role.startswith("vit_run")]
    tasks = {task: role for task, role in TASKS.items() if role in found.pairs}
    for measure, entry, axis, labels, models in (
        ("data_scale_cka", "vit_seeds", "model", twins, twins),
        ("tuning_cka", "vit", "task", list(tasks), list(tasks.values())),
    ):
        if models:
            axes = {axis: labels, "block": found.blocks["vit"]}
            values = [found.values[role] for role in models]
            arrays.setdefault(measure, {})[entry] = LabelledArray(axes, values)
    return arrays


def _by_share(values: dict[str, np.ndarray], blocks: dict[str, tuple[str, ...]]) -> dict[str, LabelledArray]:
    """Full-data model → array of (percent of the data, block), of the models that there are."""
    found = {}
    for full, shares in SHARES.items():
        there = {percent: role for percent, role in shares.items() if role in values}
        if there:
            axes = {"percent": there, "block": blocks[next(iter(there.values()))]}
            found[full] = LabelledArray(axes, [values[role] for role in there.values()])
    return found


def _merge(models: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """Models of the same weights, as untrained ones are, become one, which is passed through once."""
    return {role: next(other for other in models.values() if _same(other, model)) for role, model in models.items()}


def _same(one: nn.Module, other: nn.Module) -> bool:
    states = one.state_dict(), other.state_dict()
    return states[0].keys() == states[1].keys() and all(map(torch.equal, *(state.values() for state in states)))


CHAPTER = Chapter(
    "data_scale",
    lambda loaded, run: measure_runs(loaded, run, run.opened),
    rehearse=lambda models, run: next(measure_runs([models], run, {"probe": even_and_odd(run)})),
    open=open_tasks,
    optional=OPTIONAL,
)
