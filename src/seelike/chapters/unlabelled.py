"""Trainings without labels: what their cards say of test drawings, and what the shipped weights say of them here.

The cards have the cluster of every drawing, by the model's head and by k-means on what the head reads, and the norm of
the gradient of every step. Drawings of digits are those that the cards tell of, in their order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.chapters.answered import find_twins, replicate_information
from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.images.drawings import Drawings
from seelike.images.strokes import Strokes
from seelike.measures.answering import ANSWER, Pooled, choose_class
from seelike.measures.clusters import SCORES, count_pairs, find_means
from seelike.measures.features import Features
from seelike.measures.intervals import jackknife
from seelike.measures.pixel_features import average_pixels, count_colors
from seelike.measures.runner import Cast, feed
from seelike.models import bundled
from seelike.models.loading import load_random
from seelike.models.recipes import find_seeds
from seelike.results.answers import read_digits
from seelike.results.choices import Choices
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

ROLE = "vit_unlabelled"
# What is compared: how names differ from that of the model with both losses, and which clusters of the card count.
KINDS = {
    "both losses": ("", "", "answers"),
    "both losses, by k-means": ("", "", "means"),
    "images alone": ("", "_instance", "means"),
    "clusters alone": ("", "_cluster", "answers"),
    "one patch convolution": ("patchstem_", "", "answers"),
    "ResNet": ("resnet_", "", "answers"),
}
BOTH, PATCHES = "both losses", "one patch convolution"
UNTRAINED, FOUND_HERE = "untrained", "both losses, found here"
WITHOUT_NETWORK = {"pixels": average_pixels, "colours": count_colors}
MOST_DRAWINGS = 2_000  # that cards tell of
N_DIGITS = len(Strokes.classes)
STEP_GROUPS = 20
WINDOWS = 20  # of the course of training
PERCENTILES = (50, 90)
LATEST = 90  # percent of the steps


def open_strokes(run: Run) -> datasets.Chosen | None:
    """The drawings that are compared, if a model without labels is asked for.

    Raises InputError, which names the parameter.
    """
    for name, most in {"n_drawings": MOST_DRAWINGS, "steady_from": LATEST}.items():
        if run.parameters[name] > most:
            raise InputError(f"{name} must be at most {most}, not {run.parameters[name]}")
    if ROLE not in run.models:
        return None
    n_drawings = run.parameters["n_drawings"]
    strokes = datasets.choose_first(datasets.open_images(Strokes.name, split="test"), n_drawings, "n_drawings")
    run.describe_images("strokes", Strokes.name, "", "test", strokes)
    return strokes


@dataclass(frozen=True)
class Trainings:
    """What trainings without labels found, by `KINDS`.

    `clusters` are (trainings, drawings); `information` and `spreads` replicates (trainings, draws + 1), of what
    clusters tell of the digits and of how far gradients spread; `gradients` norms (trainings, steps). `others` are
    clusters of no training: of untrained networks, without a network, and of the shipped weights as found here.
    """

    clusters: dict[str, torch.Tensor]
    information: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    spreads: dict[str, np.ndarray]
    others: dict[str, torch.Tensor] = field(default_factory=dict)

    def forget(self) -> "Trainings":
        """Before training: there are no clusters, and nothing is known of any effect."""
        information = self.information | {UNTRAINED: self.information[BOTH]}
        unknown = [{kind: each * np.nan for kind, each in of.items()} for of in (information, self.spreads)]
        return Trainings({}, unknown[0], {}, unknown[1])

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: scores of all clusters, what was found again, the course of gradients."""
        known = self.clusters | self.others
        if not known:
            return {}
        most = max(map(len, known.values()))
        labels = label_digits(next(iter(known.values())).shape[1])
        scores = np.full((len(known), len(SCORES), most), np.nan)
        for row, each in zip(scores, known.values(), strict=True):
            for number, clusters in enumerate(each):
                row[:, number] = [score(count_pairs(clusters, labels)) for score in SCORES.values()]
        axes = {"clusters": known, "score": SCORES, "training": range(most)}
        found = {"cluster_scores": {"strokes": LabelledArray(axes, scores)}, "gradients": self._follow()}
        if FOUND_HERE in known:
            alike = (known[FOUND_HERE] == known[BOTH][:1]).double().mean()
            found["found_again"] = {ROLE: LabelledArray({"share": ["same cluster as on the card"]}, [float(alike)])}
        return found

    def _follow(self) -> dict[str, LabelledArray]:
        """Percentiles of the norm in windows of steps, means over trainings: kind → (windows, percentiles)."""
        found = {}
        for kind, norms in self.gradients.items():
            windows = np.array_split(norms, WINDOWS, axis=1)
            ends = np.cumsum([each.shape[1] for each in windows])
            values = [np.percentile(each, PERCENTILES, axis=1).mean(1) for each in windows]
            found[kind] = LabelledArray({"step": ends.tolist(), "percentile": PERCENTILES}, values)
        return found


def read_trainings(run: Run) -> Trainings | None:
    """What the cards say of the asked-for model and of those that it is compared with; None unless there are all."""
    if ROLE not in run.models or run.parameters[f"{ROLE}_checkpoint"]:
        return None
    twins, n_drawings = find_cards(run), run.parameters["n_drawings"]
    if not all(each and "means" in each[0] for each in twins.values()):
        return None
    labels = label_digits(n_drawings)
    clusters = {kind: read_clusters(twins[kind], n_drawings, where) for kind, (_, _, where) in KINDS.items()}
    information = {kind: _replicate(each, labels) for kind, each in clusters.items()}
    gradients = {kind: np.array([card["curve"]["gradient"] for card in twins[kind]]) for kind in (BOTH, PATCHES)}
    spreads = {kind: replicate_spread(each, run.parameters["steady_from"]) for kind, each in gradients.items()}
    return Trainings(clusters, information, gradients, spreads)


def find_cards(run: Run) -> dict[str, list[dict]]:
    """The cards of every kind of training."""
    cards, name = bundled.read_manifest(), run.parameters[ROLE]
    names = {
        kind: name.replace("vtcc_pocket_", f"vtcc_pocket_{backbone}", 1) + loss
        for kind, (backbone, loss, _) in KINDS.items()
    }
    return {kind: find_twins(cards, each)[: run.parameters["n_seeds"]] for kind, each in names.items()}


def vary_information(run: Run, untrained: torch.Tensor) -> Iterator[tuple[Choices, dict[str, np.ndarray]]]:
    """What clusters tell, by every score: found by each training's head, if it has one, or by k-means for all.

    Args:
        untrained: clusters by k-means of untrained networks, (trainings, drawings).
    """
    twins, n_drawings, labels = find_cards(run), run.parameters["n_drawings"], label_digits(len(untrained[0]))
    for clusters, places in (("head", {kind: where for kind, (*_, where) in KINDS.items()}), ("k-means", {})):
        found = {kind: read_clusters(of, n_drawings, places.get(kind, "means")) for kind, of in twins.items()}
        found[UNTRAINED] = untrained
        for score in SCORES:
            information = {kind: _replicate(each, labels, score) for kind, each in found.items()}
            yield {"score": score, "clusters": clusters}, information


def vary_spreads(trainings: Trainings, run: Run) -> Iterator[tuple[Choices, dict[str, np.ndarray]]]:
    """How far gradients spread, by both measures, from the published step on and in the last half of these steps."""
    published = run.parameters["steady_from"]
    for (steps, percent), spread in product({"late": published, "last": (published + 100) // 2}.items(), SPREADS):
        spreads = {kind: replicate_spread(each, percent, spread) for kind, each in trainings.gradients.items()}
        yield {"spread": spread, "steps": steps}, spreads


def read_clusters(cards: list[dict], n_images: int, where: str = "answers") -> torch.Tensor:
    """(trainings, n) of the first n test images."""
    return torch.stack([torch.from_numpy(read_digits(card[where][:n_images])) for card in cards])


def label_digits(n_images: int) -> torch.Tensor:
    """The digits (n,) that the first drawings show, which go round robin."""
    return torch.arange(n_images) % N_DIGITS


def describe_without_network(images: datasets.Chosen) -> dict[str, torch.Tensor]:
    """What chosen drawings are without one, by `WITHOUT_NETWORK`: (n, width) each."""
    source: Drawings = images.dataset
    drawn = np.stack([source.drawing(index).image for index in images.indices])
    stacked = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    return {name: describe(stacked) for name, describe in WITHOUT_NETWORK.items()}


def _find_high(norms: np.ndarray) -> np.ndarray:
    """(trainings,): log of the 90th percentile of norms (trainings, steps) over the median."""
    middle, high = np.percentile(norms, PERCENTILES, axis=1)
    return np.log(high / middle)


SPREADS = {"high": _find_high, "deviation": lambda norms: np.log(norms).std(1)}


def replicate_spread(norms: np.ndarray, percent: int, spread: str = "high") -> np.ndarray:
    """V5 of every training, by one of `SPREADS`, of norms (trainings, steps).

    Of the steps after so many percent of all; then without each of 20 groups of steps that follow one another:
    (trainings, 21).
    """
    groups = np.array_split(norms[:, norms.shape[1] * percent // 100 :], STEP_GROUPS, axis=1)
    measure = SPREADS[spread]
    return jackknife(STEP_GROUPS, lambda chosen: measure(np.concatenate([groups[number] for number in chosen], 1))).T


def cluster_anew(model: nn.Module, trainings: Trainings, run: Run) -> Trainings:
    """With clusters of the same drawings by the shipped weights, by untrained networks and without a network."""
    parameters, strokes = run.parameters, run.opened
    starts = find_seeds(parameters[ROLE])[: parameters["n_seeds"]]
    models = {ROLE: model} | {name: Pooled(load_random(ROLE, name, device=run.device)) for name in starts}
    cast, read = Cast(models), {role: Outputs((ANSWER,), torch.clone) for role in starts}
    read[ROLE] = Outputs((ANSWER,), choose_class)
    kept = {role: cast.add(role, Features(read[role], len(strokes))) for role in models}
    found = feed(run.load_images(dict.fromkeys(models, model), strokes), cast)
    outputs = {role: found[each][ANSWER] for role, each in kept.items()}
    described = {UNTRAINED: [outputs[name] for name in starts]}
    described |= {name: [each] for name, each in describe_without_network(strokes).items()}
    means = {
        name: torch.stack([find_means(each, N_DIGITS, parameters["seed"]) for each in of])
        for name, of in described.items()
    }
    information = {UNTRAINED: _replicate(means[UNTRAINED], label_digits(len(strokes)))}
    others = means | {FOUND_HERE: outputs[ROLE][None]}
    return replace(trainings, information=trainings.information | information, others=others)


def _replicate(clusters: torch.Tensor, labels: torch.Tensor, score: str = "NMI") -> np.ndarray:
    return np.array([replicate_information(each, labels, score) for each in clusters])
