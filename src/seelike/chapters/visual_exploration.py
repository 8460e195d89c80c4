"""Ghiasi et al. (2022), "What do Vision Transformers Learn? A Visual Exploration": what single features respond to,
what the classifier finds on every token and with CLS kept to itself, how much fine detail a model needs, and what it
sees of foreground or background alone.

Accuracies are those of models whose own heads tell the classes of the images apart; features are judged on drawings
alone, whose cues are known; foreground and background by what cards tell (`seelike.chapters.grounded`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.activations.architecture import Architecture
from seelike.chapters import grounded
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.cues import read_cues
from seelike.chapters.masks import find_masks
from seelike.chapters.probe_images import even_and_odd
from seelike.chapters.run import MODELS, Run
from seelike.images.shapes import CUES
from seelike.measures import fine_detail
from seelike.measures.activation_maximization import Maximized, maximize
from seelike.measures.changed_answers import ChangedAnswers
from seelike.measures.feature_purity import Purity, label_shown, list_shown, read_features
from seelike.measures.features import Features
from seelike.measures.fine_detail import FILTERED, list_filters
from seelike.measures.intervals import Terms
from seelike.measures.kept import INTACT, SHARES, WAYS, Kept
from seelike.measures.object_parts import FOREGROUND, PARTS, list_parts
from seelike.measures.patch_activations import activate_patches
from seelike.measures.perturbations import show_views, unchanged
from seelike.measures.runner import Cast, Found, assemble, feed, name_needed, spread
from seelike.measures.token_answers import (
    APART,
    BUT_LAST,
    CLS_BUT_LAST,
    ISOLATED,
    READ_FROM,
    TOKEN,
    TOKENS,
    Isolated,
    TokenAccuracy,
    TokenClasses,
    check_plain,
)
from seelike.models.loading import find_colors
from seelike.results.labelled_array import LabelledArray, Measures

VITS = ("vit", "vit_gap")


CLAIMED = (TOKEN, BUT_LAST, *FILTERED)


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], run: Run, trained: bool = True, labels: torch.Tensor | None = None
) -> Iterator["VisualExploration"]:
    """Pass the run's images, as they are and filtered, through the models of every run.

    Of all runs but the first, and of all models but ViT and CNN, no more is measured than the claims need.

    Args:
        loaded: {"vit": …, "cnn": …} and perhaps "vit_gap".
        trained: whether there is accuracy to lose.
        labels: the classes of all images; without them they are read for every model whose head tells them apart.
    """
    everyone, names, roles = name_needed(loaded, MODELS)
    (cast,), minibatches = assemble([everyone], run.minibatches(everyone))
    able = run.read_labels_of_each(everyone, labels)
    asked = _Asked(cast, roles, run, able if trained else {})
    found = feed(show_views(minibatches, asked.answers.views, asked.n_images, run.batch_size), cast)
    purity, tokens = asked.gather_purity(found), asked.gather_tokens(found)
    maps = asked.map_patches(purity) if trained else {}
    nothing = Kept.nothing(CLAIMED, asked.n_draws)
    kept = asked.answers.gather(found, able) if trained else dict.fromkeys(able, nothing)
    kept |= {name: kept[name].beside(own.conditions()) for name, own in tokens.items()}
    parts = grounded.find_parts(run.parameters, trained)
    for own in names:
        of_models = (purity, kept, tokens, maps)
        of_run = ({role: of[name] for role, name in own.items() if name in of} for of in of_models)
        yield VisualExploration(*of_run, parts)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of W3 to W5 of every run in each universe, from one pass of the images."""
    everyone, names, roles = name_needed(({role: models[role] for role in MODELS} for models in loaded), MODELS)
    (cast,), minibatches = assemble([everyone], run.minibatches(everyone))
    able = run.read_labels_of_each(everyone)
    asked = _Asked(cast, roles, run, able, varied=True)
    found = feed(show_views(minibatches, asked.answers.views, asked.n_images, run.batch_size), cast)
    kept, tokens = asked.answers.gather(found, able), asked.gather_tokens(found)
    kept |= {name: kept[name].beside(own.conditions()) for name, own in tokens.items()}
    runs = [{role: kept[name] for role, name in own.items() if name in kept} for own in names]
    if all("vit" in own for own in runs):
        yield from _vary_tokens(runs)
    if all(own.keys() == set(MODELS) for own in runs):
        yield from _vary_filters(runs)


def _vary_tokens(runs: list[dict[str, Kept]]) -> Iterator[Universe]:
    """W3 and W4."""
    for part, choice, options in (("W3", "token", TOKENS), ("W4", "apart", APART)):
        for way, (option, condition) in product(SHARES, options.items()):
            if all(condition in own["vit"].accuracy for own in runs):
                terms = [{part: {("vit",): own["vit"].share(condition, way=way)}} for own in runs]
                yield {choice: option, "kept": way}, terms


def _vary_filters(runs: list[dict[str, Kept]]) -> Iterator[Universe]:
    """W5."""
    for way, (name, cutoffs) in product(WAYS, fine_detail.CHOSEN.items()):
        areas = [fine_detail.compare_areas(*(own[role] for role in MODELS), cutoffs, way) for own in runs]
        yield {"cutoffs": name, "kept": way}, [{"W5": each} for each in areas]


class _Asked:
    """What is asked of all models while the run's images pass: features, answers, the classes of single tokens.

    Where verdicts are `varied`, no features, and no more answers than all universes need.
    """

    def __init__(
        self, cast: Cast, roles: dict[str, str], run: Run, labels: dict[str, torch.Tensor], varied: bool = False
    ):
        self.cast, self.labels, self.run = cast, labels, run
        self.cues = None if varied else read_cues(run)
        self.transforms = run.transforms(cast.models)
        self.n_images, self.n_draws = len(run.images), len(run.images) // run.batch_size
        vits = [name for name, role in roles.items() if role in VITS]
        for name in vits:
            cast.ask(name, partial(check_plain, cast.models[name]))
        read = partial(read_features, n_images=self.n_images)
        self.features = {name: cast.measure(name, read) for name in vits if self.cues is not None}
        classes = {name: Features(TokenClasses(), self.n_images) for name in vits if name in labels}
        self.classes = {name: cast.add(name, each) for name, each in classes.items()}
        self.answers = ChangedAnswers(cast, self.n_images, self.n_draws)
        for name in labels:
            self._ask_answers(name, roles[name], every=name == roles[name] and not varied)
            if varied and ((ISOLATED, 1) in self.answers.answers[name]):
                self.answers.ask(name, CLS_BUT_LAST, model=self._isolate(name, 1, both=False))

    def _ask_answers(self, name: str, role: str, every: bool) -> None:
        """Have one model answer to images as they are, filtered and in parts; a ViT with CLS also with CLS isolated."""
        changes = {INTACT: unchanged} | (list_filters() if role in MODELS else {})
        masks = find_masks(self.run, self.transforms[name]) if every and role in MODELS else None
        if masks is not None:  # as this model sees the images
            changes |= list_parts(masks, find_colors(self.cast.models[name])[0])
        for condition, change in changes.items():
            self.answers.ask(name, condition, change)
        own = self.cast.architectures[name]
        if role == "vit" and own.has_cls:
            depth = len(own.attentions)
            for left in range(depth) if every else (1,):
                self.answers.ask(name, (ISOLATED, left), model=self._isolate(name, left))

    def _isolate(self, name: str, left: int, both: bool = True) -> Isolated:
        """A model with CLS isolated in all blocks but so many."""
        own = self.cast.architectures[name]
        attentions = own.attentions[: len(own.attentions) - left]
        return Isolated(self.cast.models[name], attentions, own.n_prefix, both)

    def gather_purity(self, found: Found) -> dict[str, Purity]:
        """Of every ViT, if cues are known."""
        return {
            name: Purity.of(found[each], self.cues, tuple(CUES), self.n_draws) for name, each in self.features.items()
        }

    def map_patches(self, purity: dict[str, Purity]) -> dict[str, LabelledArray]:
        """Of the first ViT, where each shown feature is active in the image that makes it most active."""
        first = {name: self.cast.models[name] for name in purity if name == "vit"}
        return spread(first, lambda name: self._map_patches(name, purity[name].shown_array()))

    def _map_patches(self, name: str, shown: LabelledArray) -> LabelledArray:
        model, own, images = self.cast.models[name], self.cast.architectures[name], self.run.images
        best = Subset(images.dataset, [images.indices[int(number)] for number in shown.values[:, 0]])
        loaded = torch.cat([batch[name] for batch in self.run.load_images({name: model}, best)])
        features = list_shown(own.names(), count_features(model, own))
        axes = {"feature": shown.axes["feature"], "y": range(own.grid.rows), "x": range(own.grid.columns)}
        return LabelledArray(axes, activate_patches(model, loaded, features, own.grid).numpy())

    def gather_tokens(self, found: Found) -> dict[str, TokenAccuracy]:
        """Of every ViT that answers."""
        grids = {name: self.cast.architectures[name].grid for name in self.classes}
        return {
            name: TokenAccuracy.of(found[each], grids[name], self.labels[name], self.n_draws)
            for name, each in self.classes.items()
        }


@dataclass(frozen=True)
class VisualExploration:
    """What the chapter found of each model, by role; what could not be measured of one is left out.

    `parts` are of trainings on grounded drawings, which are not those of the run: see `grounded.find_parts`.
    """

    purity: dict[str, Purity]
    kept: dict[str, Kept]
    tokens: dict[str, TokenAccuracy]
    maps: dict[str, LabelledArray] = field(default_factory=dict)
    parts: dict[str, list[Kept]] = field(default_factory=dict)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        known = {role: kept for role, kept in self.kept.items() if kept.is_known}
        isolated = {role: sorted(key for key in kept.accuracy if key[0] == ISOLATED) for role, kept in known.items()}
        found: Measures = {
            "purity": {role: own.array() for role, own in self.purity.items()},
            "most_activating": {role: own.shown_array() for role, own in self.purity.items() if role == "vit"},
            "patch_activation": self.maps,
            "intact_accuracy": {role: kept.intact_array() for role, kept in known.items()},
            "kept_parts_ordinary": {
                role: grounded.label_parts([kept]) for role, kept in known.items() if PARTS[FOREGROUND] in kept.accuracy
            },
            "kept_filtered": {role: fine_detail.array(kept) for role, kept in known.items() if role in MODELS},
            "token_accuracy": {role: own.array() for role, own in self.tokens.items()},
            "kept_by_token": {role: known[role].array("read from", READ_FROM) for role in self.tokens},
            "kept_isolated": {
                role: known[role].array("blocks left to CLS", {int(left): (kind, left) for kind, left in own})
                for role, own in isolated.items()
                if own
            },
        }
        found |= grounded.arrays(self.parts)
        return {measure: models for measure, models in found.items() if models}

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms, over minibatches of images."""
        found: dict[str, Terms] = {}
        if "vit" in self.purity:
            purity = self.purity["vit"]
            found["W1"] = {("vit",): purity.kinds_apart()}
            found["W2"] = {("vit",): purity.cues_by_depth("outline", "texture")}
        shares = {"W3": TOKEN, "W4": BUT_LAST} if "vit" in self.kept else {}
        measured = {part: each for part, each in shares.items() if each in self.kept["vit"].accuracy}
        found |= {part: {("vit",): self.kept["vit"].share(each)} for part, each in measured.items()}
        if set(MODELS) <= self.kept.keys():
            found["W5"] = fine_detail.compare_areas(*(self.kept[role] for role in MODELS))
        return found | grounded.terms(self.parts)


def count_features(vit: nn.Module, own: Architecture) -> int:
    """The width of the MLPs' wide layer, as the layer after it reads it: a gated MLP has two of them before."""
    return vit.get_submodule(own.names()[0]).mlp.fc2.in_features


def maximize_features(run: Run) -> tuple[list[str], Maximized]:
    """Pictures for the features that the figure of most activating images shows, and what these are called.

    They are of the first run's ViT, and no part of the result: on another machine they come out otherwise.
    """
    vit = next(run.load_models())["vit"]
    images = next(run.minibatches({"vit": vit}))["vit"]
    own, (black, white) = Architecture.of(vit, images), find_colors(vit)
    black, white = black[:, None, None], white[:, None, None]
    found = maximize(
        vit, list_shown(own.names(), count_features(vit, own)), tuple(images.shape[-2:]), own.n_prefix,
        lambda pictures: black + pictures * (white - black), run.parameters["seed"],
    )  # fmt: skip
    return label_shown(len(own.names())), found


def _rehearse(models: dict[str, nn.Module], run: Run) -> VisualExploration:
    return next(measure_runs([models], run, labels=even_and_odd(run).labels))


CHAPTER = Chapter(
    "visual_exploration",
    measure_runs,
    control=lambda loaded, run: measure_runs(loaded, run, trained=False),
    rehearse=_rehearse,
    optional=("vit_gap",),
    vary=vary_runs,
)
