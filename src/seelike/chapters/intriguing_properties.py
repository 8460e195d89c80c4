"""Naseer et al. (2021), "Intriguing Properties of Vision Transformers": what is left of a model's accuracy when patches
are dropped or shuffled, whether it goes by shape or by texture, what the last attention marks, how blocks transfer.

Accuracies are those of models whose own heads tell the classes of the images apart; of others nothing is measured that
needs them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from seelike.chapters import cue_conflicts
from seelike.chapters.chapter import Chapter
from seelike.chapters.masks import find_masks
from seelike.chapters.probe_images import ProbeImages, even_and_odd, open_probe_images
from seelike.chapters.run import MODELS, Run
from seelike.images.cue_conflicts import CueConflicts
from seelike.measures import patch_changes
from seelike.measures.answering import ANSWER, read_answers, share_right
from seelike.measures.attention_segments import Segments, read_last_attention
from seelike.measures.block_ensembles import Ensembles, probe_ensembles
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.patch_changes import Kept, View, list_changes, list_claimed
from seelike.measures.perturbations import Views, show_views
from seelike.measures.runner import Cast, Found, assemble, feed, name_all, spread
from seelike.measures.shape_bias import Decisions
from seelike.models.loading import find_black
from seelike.results.labelled_array import Measures
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
    everyone, names = name_all(loaded)
    roles = {name: role for own in names for role, name in own.items() if own is names[0] or role in MODELS}
    (cast,), minibatches = assemble([everyone], run.minibatches(everyone))
    known = {name: run.read_labels({name: everyone[name]}) if labels is None else labels for name in roles}
    able = {name: own for name, own in known.items() if own is not None}
    masks = find_masks(run, run.transforms(everyone)["vit"])
    asked = _Asked(cast, run, roles, able if trained else {}, masks)
    found = feed(show_views(minibatches, asked.views, len(run.images), run.batch_size), cast)
    kept = asked.gather_kept(found) if trained else dict.fromkeys(able, asked.nothing)
    pairs = {name: everyone[name] for name, role in roles.items() if role in MODELS}
    decisions = cue_conflicts.decide(pairs, able.keys() & pairs, run, opened.conflicts) if opened.conflicts else {}
    vits = {name: everyone[name] for name, role in roles.items() if role == "vit"}
    transferred = _transfer(vits, run, opened.transfer) if opened.transfer else {}
    for own in names:
        parts = (kept, asked.gather_segments(found), decisions, transferred)
        yield IntriguingProperties(*({role: of[name] for role, name in own.items() if name in of} for of in parts))


class _Asked:
    """What is asked of all models while the run's images pass: answers in every view, the last attention of ViTs."""

    def __init__(self, cast: Cast, run: Run, roles: dict[str, str], labels: dict[str, torch.Tensor], masks):
        self.cast, self.labels, self.masks = cast, labels, masks
        self.n_images, self.n_draws = len(run.images), len(run.images) // run.batch_size
        self.grid = cast.ask("vit", lambda own: own.blocks().grid)
        self.views: Views = {}
        self.answers = {name: self._show(name, run, every=name == roles[name]) for name in labels}
        vits = [name for name, role in roles.items() if role == "vit"] if masks is not None else []
        self.attention = self._look(vits)

    @property
    def nothing(self) -> Kept:
        return patch_changes.nothing_to_lose(self.grid, self.n_draws)

    def _show(self, name: str, run: Run, every: bool) -> dict[View, Features]:
        """Answers of one model in every view, or in those that claims need."""
        color, size = find_black(self.cast.models[name]), tuple(self.cast.images[name].shape[-2:])
        changes = list_changes(size, self.grid, color, run.parameters["seed"], self.masks)
        wanted = changes if every else [view for view in list_claimed(self.grid) if view in changes]
        shown = {view: f"{name}: {view}" for view in wanted}
        for view, role in shown.items():
            self.cast.show(name, role)
            self.views[role] = (name, changes[view])
        return {view: self.cast.add(role, read_answers(self.n_images)) for view, role in shown.items()}

    def _look(self, vits: list[str]) -> dict[str, Features]:
        """The last attention of each ViT; of none where a model's is not accessible, or has no CLS."""
        read = partial(read_last_attention, n_images=self.n_images)
        try:
            maps = {name: self.cast.ask(name, read) for name in vits}
        except InputError:
            return {}
        return {name: self.cast.add(name, each) for name, each in maps.items()}

    def gather_kept(self, found: Found) -> dict[str, Kept]:
        """Of every model that answered."""
        kept = {}
        for name, views in self.answers.items():
            labels, chance = self.labels[name], 1 / max(1, self.cast.models[name].num_classes)
            right = {view: share_right(found[each][ANSWER], labels, self.n_draws) for view, each in views.items()}
            kept[name] = Kept({view: each.numpy() for view, each in right.items()}, chance, self.grid[0])
        return kept

    def gather_segments(self, found: Found) -> dict[str, Segments]:
        """Of every ViT that was looked at."""
        maps = {name: next(iter(found[each].values())) for name, each in self.attention.items()}
        grids = {name: self.cast.architectures[name].grid for name in maps}
        shaped = {name: each.unflatten(2, (grids[name].rows, grids[name].columns)) for name, each in maps.items()}
        return {name: Segments.of(each, self.masks, self.n_draws) for name, each in shaped.items()}


def _transfer(vits: dict[str, nn.Module], run: Run, images: ProbeImages) -> dict[str, Ensembles]:
    """Probes for another task on every ViT, each of which one process alone passes the images through."""

    def probe(name: str) -> Ensembles:
        minibatches = (batch[name] for batch in images.minibatches({name: vits[name]}, run))
        return probe_ensembles(vits[name], minibatches, images.labels, images.folds)

    return spread(vits, probe)


@dataclass(frozen=True)
class IntriguingProperties:
    """What the chapter found of each model, by role; what could not be measured of one is left out."""

    kept: dict[str, Kept]
    segments: dict[str, Segments]
    decisions: dict[str, Decisions]
    transferred: dict[str, Ensembles]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = patch_changes.arrays(self.kept)
        others = {"decisions": self.decisions, "jaccard": self.segments, "transfer_accuracy": self.transferred}
        return found | {name: {role: each.array() for role, each in of.items()} for name, of in others.items() if of}

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
)
