"""Naseer et al. (2021), "Intriguing Properties of Vision Transformers": what is left of a model's accuracy when patches
are dropped or shuffled, whether it goes by shape or by texture, what the last attention marks, how blocks transfer.

Accuracies are those of models whose own heads tell the classes of the images apart; of others nothing is measured that
needs them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import torch
from torch import nn

from seelike.chapters import cue_conflicts
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.masks import find_masks
from seelike.chapters.outline_trained import find_outline_trained
from seelike.chapters.probe_images import ProbeImages, even_and_odd, name_parameters, open_probe_images
from seelike.chapters.run import MODELS, Run
from seelike.images.cue_conflicts import CueConflicts
from seelike.measures import patch_changes
from seelike.measures.attention_segments import HEADS, MARKED, Segments, read_last_attention
from seelike.measures.block_ensembles import Ensembles, probe_ensembles, vary_ensembles
from seelike.measures.changed_answers import ChangedAnswers
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.kept import INTACT, Condition, Kept
from seelike.measures.patch_changes import CLAIMED, list_changes, vary_changes
from seelike.measures.perturbations import Change, show_views
from seelike.measures.runner import Cast, assemble, feed, name_needed, spread
from seelike.measures.shape_bias import BIASES, Decisions
from seelike.models.loading import find_colors
from seelike.results.choices import Choices
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError


@dataclass(frozen=True)
class Opened:
    """Images beside the chapter's own: cue conflicts, and those of another task; either may be missing."""

    conflicts: CueConflicts | None = None
    transfer: ProbeImages | None = None


def open_images(run: Run) -> Opened:
    """As the parameters ask for. Raises InputError, which names the parameter."""
    transfer = open_probe_images(run, "transfer") if run.parameters["transfer_dataset"] else None
    return Opened(cue_conflicts.open_for(run), transfer)


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]],
    run: Run,
    opened: Opened,
    trained: bool = True,
    labels: torch.Tensor | None = None,
) -> Iterator["IntriguingProperties"]:
    """Pass the run's images, as they are and changed, through the models of every run.

    Of all runs but the first, and of all models but ViT and CNN, no more is measured than the claims need.

    Args:
        loaded: {"vit": …, "cnn": …} and perhaps "vit_gap" and "mixer".
        trained: whether there is accuracy to lose.
        labels: the classes of all images; without them they are read for every model whose head tells them apart.
    """
    everyone, names, roles = name_needed(loaded, MODELS)
    (cast,), minibatches = assemble([everyone], run.minibatches(everyone))
    able = run.read_labels_of_each(everyone, labels)
    masks = find_masks(run, run.transforms(everyone)["vit"])
    n_images, n_draws = len(run.images), len(run.images) // run.batch_size
    answers = ChangedAnswers(cast, n_images, n_draws)
    for name in able if trained and "vit" in able else ():  # of a CNN alone there is nothing to compare
        ask = partial(list_changes, masks=masks) if name == roles[name] else _list_claimed
        _ask_changed(answers, name, run.parameters["seed"], ask)
    vits = {name: everyone[name] for name, role in roles.items() if role == "vit"}
    maps = _ask_attention(cast, list(vits) if masks is not None else [], n_images)
    found = feed(show_views(minibatches, answers.views, n_images, run.batch_size), cast)
    nothing = Kept.nothing(CLAIMED.values(), n_draws)
    kept = answers.gather(found, able) if trained else dict.fromkeys(able, nothing)
    segments = {
        name: Segments.of(found[each], cast.architectures[name].grid, masks, n_draws) for name, each in maps.items()
    }
    pairs = {name: everyone[name] for name, role in roles.items() if role in MODELS}
    decisions = cue_conflicts.decide(pairs, able.keys() & pairs, run, opened.conflicts) if opened.conflicts else {}
    transferred = _transfer(vits, run, opened.transfer) if opened.transfer else {}
    outlines = find_outline_trained(run.parameters) if trained else {}
    for own in names:
        parts = (kept, segments, decisions, transferred)
        of_run = ({role: of[name] for role, name in own.items() if name in of} for of in parts)
        yield IntriguingProperties(*of_run, outlines)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images.

    Other images than the published ones are changed only as the published verdicts ask.
    """
    everyone, names, _ = name_needed(({role: models[role] for role in MODELS} for models in loaded), MODELS)
    yield from _vary_images(everyone, names, run)
    if run.opened and run.opened.conflicts:
        yield from _vary_decisions(everyone, names, run)
    if run.opened and run.opened.transfer:
        yield from _vary_transfer(everyone, names, run)


def _vary_images(everyone: dict[str, nn.Module], names: list[dict[str, str]], run: Run) -> Iterator[Universe]:
    """I1 to I3, and I5 where there are masks."""
    (cast,), minibatches = assemble([dict(everyone)], run.minibatches(everyone))
    able, n_images, n_draws = run.read_labels_of_each(everyone), len(run.images), len(run.images) // run.batch_size
    masks, answers = find_masks(run, run.transforms(everyone)["vit"]), ChangedAnswers(cast, n_images, n_draws)
    for name in able:
        _ask_changed(answers, name, run.parameters["seed"], vary_changes if run.opened else _list_claimed)
    maps = _ask_attention(cast, [own["vit"] for own in names] if masks is not None else [], n_images)
    found = feed(show_views(minibatches, answers.views, n_images, run.batch_size), cast)
    kept = answers.gather(found, able)
    if kept.keys() == everyone.keys():
        ways = [patch_changes.vary_terms(*(kept[own[role]] for role in MODELS)) for own in names]
        yield from ((every[0][0], [terms for _, terms in every]) for every in zip(*ways, strict=True))
    for marked, heads in product(MARKED, HEADS) if maps else ():
        segments = {
            name: Segments.of(found[each], cast.architectures[name].grid, masks, n_draws, marked, heads)
            for name, each in maps.items()
        }
        terms = [{"I5": {("vit",): segments[own["vit"]].gains()}} for own in names]
        yield {"marked": marked, "heads": heads}, terms


def _vary_decisions(everyone: dict[str, nn.Module], names: list[dict[str, str]], run: Run) -> Iterator[Universe]:
    """I4: models decide by their own heads, where they know the classes, or by heads that are fitted to all."""
    able = run.read_labels_of_each(everyone)
    for classifier, heads in (("own", able.keys()), ("fitted", set())):
        decisions = cue_conflicts.decide(everyone, heads, run, run.opened.conflicts)
        for bias in BIASES if decisions.keys() == everyone.keys() else ():
            biases = {name: each.bias(bias) for name, each in decisions.items()}
            terms = [{"I4": {("vit",): biases[own["vit"]], ("cnn",): -biases[own["cnn"]]}} for own in names]
            yield {"classifier": classifier, "bias": bias}, terms


def _vary_transfer(everyone: dict[str, nn.Module], names: list[dict[str, str]], run: Run) -> Iterator[Universe]:
    """I6: by readout, by how many blocks are the last ones, and by how many images probes learn from."""
    images = run.opened.transfer
    folds = {"ten": images.folds} | images.deal_anew({"five": 5, "fifteen": 15}, run.parameters["seed"])

    def vary(name: str) -> list[tuple[Choices, Ensembles]]:
        minibatches = (batch[name] for batch in images.minibatches({name: everyone[name]}, run))
        return list(vary_ensembles(everyone[name], minibatches, images.labels, folds))

    found = spread(dict.fromkeys(own["vit"] for own in names), vary)
    for every in zip(*(found[own["vit"]] for own in names), strict=True):
        yield every[0][0], [{"I6": {("vit",): each.gains()}} for _, each in every]


def _list_claimed(*given) -> dict[Condition, Change]:
    """Of all changes those of the claims."""
    return {each: change for each, change in list_changes(*given).items() if each in (INTACT, *CLAIMED.values())}


def _ask_changed(answers: ChangedAnswers, name: str, seed: int, list_asked: Callable) -> None:
    """Have one model answer to images with patches dropped and shuffled, in the conditions that `list_asked` gives."""
    cast = answers.cast
    grid = cast.ask("vit", lambda own: own.blocks().grid)
    black, size = find_colors(cast.models[name])[0], tuple(cast.images[name].shape[-2:])
    for condition, change in list_asked(size, grid, black, seed).items():
        answers.ask(name, condition, change)


def _ask_attention(cast: Cast, vits: list[str], n_images: int) -> dict[str, Features]:
    """The last attention of each ViT; of none where a model's is not accessible, or has no CLS."""
    try:
        maps = {name: cast.ask(name, partial(read_last_attention, n_images=n_images)) for name in vits}
    except InputError:
        return {}
    return {name: cast.add(name, each) for name, each in maps.items()}


def _transfer(vits: dict[str, nn.Module], run: Run, images: ProbeImages) -> dict[str, Ensembles]:
    """Probes for another task on every ViT, each of which one process alone passes the images through."""

    def probe(name: str) -> Ensembles:
        minibatches = (batch[name] for batch in images.minibatches({name: vits[name]}, run))
        return probe_ensembles(vits[name], minibatches, images.labels, images.folds)

    return spread(vits, probe)


@dataclass(frozen=True)
class IntriguingProperties:
    """What the chapter found of each model, by role; what could not be measured of one is left out.

    `outlines` are of trainings that are not those of the run: see `outline_trained`.
    """

    kept: dict[str, Kept]
    segments: dict[str, Segments]
    decisions: dict[str, Decisions]
    transferred: dict[str, Ensembles]
    outlines: dict[str, LabelledArray] = field(default_factory=dict)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found: Measures = {}
        for role, kept in self.kept.items():
            for measure, array in patch_changes.arrays(kept).items() if kept.is_known else ():
                found.setdefault(measure, {})[role] = array
        others = {"decisions": self.decisions, "jaccard": self.segments, "transfer_accuracy": self.transferred}
        found |= {name: {role: each.array() for role, each in of.items()} for name, of in others.items() if of}
        if self.decisions:
            found["shape_bias"] = {role: each.bias_array() for role, each in self.decisions.items()}
        return found | ({"learned_from": self.outlines} if self.outlines else {})

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms: I1 to I5 over minibatches of images, I6 over the draws of probes."""
        found: dict[str, Terms] = {}
        if set(MODELS) <= self.kept.keys():
            found |= patch_changes.find_terms(*(self.kept[role] for role in MODELS))
        if set(MODELS) <= self.decisions.keys():
            vit, cnn = (self.decisions[role].bias() for role in MODELS)
            found["I4"] = {("vit",): vit, ("cnn",): -cnn}
        for part, of in (("I5", self.segments), ("I6", self.transferred)):
            if "vit" in of:
                found[part] = {("vit",): of["vit"].gains()}
        return found


def _rehearse(models: dict[str, nn.Module], run: Run) -> IntriguingProperties:
    transfer = even_and_odd(run)
    return next(measure_runs([models], run, Opened(transfer=transfer), labels=transfer.labels))


CHAPTER = Chapter(
    "intriguing_properties",
    lambda loaded, run: measure_runs(loaded, run, run.opened),
    control=lambda loaded, run: measure_runs(loaded, run, run.opened, trained=False),
    rehearse=_rehearse,
    open=open_images,
    optional=("vit_gap", "mixer"),
    own=("n_conflicts", "conflicts_data_dir", "conflicts_classes", *name_parameters("transfer")),
    vary=vary_runs,
)
