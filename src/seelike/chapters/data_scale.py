"""Section 8 of the paper, all of it: what a model trained on little data shares with one trained on all of it.

Models are called by the parameters of the chapter that name them: `vit_3pct` learned from 3 % of the images that
`vit` learned from, `vit_near` and `vit_far` went on from `vit` to a near and to a far task. Every run of distinct
models takes part, one after the first with what the claims need. Blocks are compared only between models that no
earlier run had: one that stands in for a twin which was never trained began elsewhere than its counterpart.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.probe_images import ProbeImages, even_and_odd, name_parameters, open_probe_images
from seelike.chapters.run import MODELS, Run
from seelike.measures import attention_distance, block_probes
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.block_probes import BEST, ProbeCurve
from seelike.measures.corresponding_layers import Counterparts, Pair, Pairing
from seelike.measures.intervals import Estimate, Terms, estimate
from seelike.measures.layer_similarities import BLOCKS, AllWays
from seelike.measures.runner import Cast, Minibatches, assemble, feed, name_all, spread
from seelike.measures.token_kinds import CLS, POOLED
from seelike.results.choices import DEPTHS
from seelike.results.labelled_array import Arrays, LabelledArray, Measures
from seelike.system.errors import InputError

# Full-data model → percent of the data → model.
SHARES = {
    "vit": {3: "vit_3pct", 10: "vit_10pct", 30: "vit_30pct", 100: "vit"},
    "vit_small": {3: "vit_small_3pct", 100: "vit_small"},
    "cnn": {3: "cnn_3pct", 100: "cnn"},
}
TASKS = {"near": "vit_near", "far": "vit_far"}
LATER_PAIRS = ("vit_3pct", "vit_small_3pct", "vit_near", "vit_far")  # what runs after the first compare …
LATER_PROBED = {"probe": ("vit", "vit_3pct", "cnn"), "transfer": ("vit", "vit_3pct")}  # … and probe
Curves = dict[str, dict[str, ProbeCurve]]  # "probe" or "transfer" → model → accuracy by block
# Claim → the images of its probes, its models with their signs, the effect of each, and by which readout.
PROBE_EFFECTS = {
    "D3": ("probe", {"vit": 1, "vit_3pct": -1}, ProbeCurve.average_middle, POOLED),
    "D4": ("probe", {"vit": 1, "cnn": -1}, lambda curve, readout, _: curve.average_depth(readout), BEST),
    "D5": ("transfer", {"vit": 1, "vit_3pct": -1}, ProbeCurve.average_middle, POOLED),
}
OPTIONAL = ("vit_3pct", "vit_10pct", "vit_30pct", "vit_small", "vit_small_3pct", "cnn_3pct", "vit_near", "vit_far")
ROLES = (*MODELS, *OPTIONAL)


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
    if not (opened["probe"] or _compares(run)):
        raise InputError(
            "n_probe_images must be above 0: without probes a claim can be tested only where vit_3pct names a model, "
            "beside a second seed of vit or beside vit_small and vit_small_3pct, or where vit_near and vit_far do"
        )
    return {kind: images for kind, images in opened.items() if images}


def _compares(run: Run) -> bool:
    """Whether D1, D2 or D6 can be tested."""
    small, there = {"vit_small", "vit_small_3pct"}, set(run.models)
    return set(TASKS.values()) <= there or ("vit_3pct" in there and (run.n_seeds > 1 or small <= there))


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], run: Run, tasks: dict[str, ProbeImages]
) -> Iterator["DataScale"]:
    """All of the chapter on the first run's models; of every other what the claims need.

    Args:
        loaded: the models of every run, from `run.load_models()` or `run.load_controls()`.
        tasks: from `open_tasks`.
    """
    everyone, names = name_all(check_each(loaded, find_pairs(ROLES)))
    compared, distances = _compare(everyone, names, run)
    curves = {kind: _probe_runs(everyone, names, run, kind, images) for kind, images in tasks.items()}
    for number, counterparts in enumerate(compared):
        own = {kind: of[number] for kind, of in curves.items()}
        yield DataScale(counterparts, distances if number == 0 else {}, own)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images."""
    everyone, names = name_all(check_each(loaded, find_pairs(ROLES)))
    for kind, images in (run.opened or {}).items():
        yield from _vary_readouts(_probe_runs(everyone, names, run, kind, images, whole=False), kind)
    if asked := _pair_up(everyone, names, run):
        cast, minibatches, pairing = asked
        ways = AllWays(cast, {BLOCKS: pairing.blocks}, run.batch_size)
        for choices, similarity in ways.gather(feed(minibatches, cast)):
            for depth, parts in DEPTHS.items():
                yield choices | {"depth": depth}, [each.terms() for each in pairing.split(similarity, parts)]


def _vary_readouts(curves: list[dict[str, ProbeCurve]], kind: str) -> Iterator[Universe]:
    """What is read off one kind of probe images, by readout; of the middle blocks by how many they are, too."""
    for readout in (BEST, POOLED, CLS):
        yield {"readout": readout}, [_compare_curves({kind: own}, readout) for own in curves]
        for depth, parts in DEPTHS.items():
            terms = [_compare_curves({kind: own}, readout, parts) for own in curves]
            yield {"readout": readout, "depth": depth}, terms


def _compare_curves(curves: Curves, readout: str | None = None, parts: int = 3) -> dict[str, Terms]:
    """D3, D4 and D5, of those for which there are models; by their own readouts, or by one for all."""
    found: dict[str, Terms] = {}
    for claim, (kind, signs, effect, published) in PROBE_EFFECTS.items():
        own = curves.get(kind, {})
        if signs.keys() <= own.keys():
            found[claim] = {
                (role,): sign * effect(own[role], readout or published, parts) for role, sign in signs.items()
            }
    return found


def pair_runs(names: Sequence[dict[str, str]]) -> list[dict[str, Pair]]:
    """Of each run, the models of which blocks are compared, by the role of the one that learned otherwise.

    In the first also `vit_run2` …, full-data models of other seeds. In others no model that an earlier one had.
    """
    found: list[dict[str, Pair]] = []
    for number, own in enumerate(names):
        earlier = {name for before in names[:number] for name in before.values()}
        pairs = {one: other for one, other in find_pairs(own).items() if number == 0 or one in LATER_PAIRS}
        pairs = {one: (own[one], own[other]) for one, other in pairs.items()}
        found.append({one: pair for one, pair in pairs.items() if not earlier & set(pair)})
    found[0] |= {other["vit"]: (other["vit"], "vit") for other in names[1:]}
    return found


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
    curves: Curves

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = _cka_arrays(self.counterparts) if self.counterparts else {}
        for kind, curves in self.curves.items():
            found[f"{kind}_accuracy"] = _probe_arrays(curves)
        of_cls = {role: curve for role, curve in self.curves.get("probe", {}).items() if CLS in curve.readouts}
        if of_cls:
            found["cls_probe_accuracy"] = _probe_arrays(of_cls, CLS)
        if self.distances:
            percent = [percent for percent, role in SHARES["vit"].items() if role in self.distances]
            estimates = [_find_local_head(self.distances[SHARES["vit"][share]]) for share in percent]
            values = [[estimate.effect, estimate.low, estimate.high] for estimate in estimates]
            axes = {"percent": percent, "bound": ["distance", "low", "high"]}
            found["local_head_distance"] = {"vit": LabelledArray(axes, values)}
        return found

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms, over minibatches (D1, D2, D6) or over the probes' draws (D3 to D5)."""
        found = self.counterparts.terms() if self.counterparts else {}
        return dict(sorted((found | _compare_curves(self.curves)).items()))


def _compare(
    everyone: dict[str, nn.Module], names: list[dict[str, str]], run: Run
) -> tuple[list[Counterparts | None], dict[str, AttentionDistance]]:
    """Of each run, blocks against their counterparts; and how far the heads of the first run's ViTs attend."""
    asked = _pair_up(everyone, names, run)
    if not asked:
        return [None] * len(names), {}
    cast, minibatches, pairing = asked
    distances = _ask_distances(cast, [role for role in SHARES["vit"].values() if role in names[0]])
    found = feed(minibatches, cast)
    return pairing.gather(found), {role: found[each] for role, each in distances.items()}


def _pair_up(
    everyone: dict[str, nn.Module], names: list[dict[str, str]], run: Run
) -> tuple[Cast, Minibatches, Pairing] | None:
    """What is to be compared, with which images; None where nothing is."""
    pairs = pair_runs(names)
    compared = {name for own in pairs for pair in own.values() for name in pair}
    if not compared:
        return None
    models = {name: model for name, model in everyone.items() if name in compared}
    (cast,), minibatches = assemble([models], run.minibatches(models))
    twins = [own["vit"] for own in names] if len(names) > 1 and "vit_3pct" in names[0] else []
    return cast, minibatches, Pairing(cast, pairs, twins)


def _ask_distances(cast: Cast, roles: list[str]) -> dict[str, Distances]:
    """Of each of two or more models; of none where a model's attention is not accessible."""
    try:
        distances = {role: cast.ask(role, Distances) for role in roles if len(roles) > 1}
    except InputError:
        return {}
    return {role: cast.add(role, each) for role, each in distances.items()}


def _probe_runs(
    everyone: dict[str, nn.Module],
    names: list[dict[str, str]],
    run: Run,
    kind: str,
    images: ProbeImages,
    whole: bool = True,
) -> list[dict[str, ProbeCurve]]:
    """Of each run, the curve of every model that is probed on these images: of the first all, of others the claims'.

    Without `whole` those of the claims alone.
    """
    shares = SHARES.values() if kind == "probe" else (SHARES["vit"],)
    first = [role for of in shares for role in of.values() if role in names[0]]
    needed = [role for role in LATER_PROBED[kind] if role in first]
    roles = [first if whole else needed] + [needed for _ in names[1:]]
    wanted = {own[role]: everyone[own[role]] for own, these in zip(names, roles, strict=True) for role in these}
    curves = _probe(wanted, run, images)
    return [{role: curves[own[role]] for role in these} for own, these in zip(names, roles, strict=True)]


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
    return estimate(found.replicates(attention_distance.most_local_low))


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


def _probe_arrays(curves: dict[str, ProbeCurve], readout: str = POOLED) -> Arrays:
    values = {role: curve.values(readout) for role, curve in curves.items()}
    return _by_share(values, {role: curve.blocks for role, curve in curves.items()})


def _by_share(values: dict[str, np.ndarray], blocks: dict[str, tuple[str, ...]]) -> Arrays:
    """Full-data model → array of (percent of the data, block), of the models that there are."""
    found = {}
    for full, shares in SHARES.items():
        there = {percent: role for percent, role in shares.items() if role in values}
        if there:
            axes = {"percent": there, "block": blocks[next(iter(there.values()))]}
            found[full] = LabelledArray(axes, [values[role] for role in there.values()])
    return found


CHAPTER = Chapter(
    "data_scale",
    lambda loaded, run: measure_runs(loaded, run, run.opened),
    rehearse=lambda models, run: next(measure_runs([models], run, {"probe": even_and_odd(run)})),
    open=open_tasks,
    optional=OPTIONAL,
    own=name_parameters("probe", "transfer"),
    vary=vary_runs,
)
