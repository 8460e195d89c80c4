"""How well do ViTs cluster images when they learn without labels, and by which cue? (V)"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.chapters.answered import compare_all, find_twins
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.cues import read_cues
from seelike.chapters.run import MODELS, Run
from seelike.chapters.unlabelled import (
    BOTH,
    PATCHES,
    ROLE,
    UNTRAINED,
    Trainings,
    cluster_anew,
    describe_without_network,
    open_strokes,
    read_clusters,
    read_trainings,
    vary_information,
    vary_spreads,
)
from seelike.images.shapes import CUES, Shapes, choose_cues
from seelike.images.strokes import Strokes
from seelike.measures.clusters import count_pairs, find_means, mutual_information
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.runner import assemble, feed, name_needed
from seelike.measures.token_kinds import POOLED, TokenKinds, split_by_kind
from seelike.models import bundled
from seelike.results.labelled_array import LabelledArray, Measures

# Part → the trainings that are compared, with their signs: by what clusters tell of the digits …
COMPARED = {
    "V1": {BOTH: 1, UNTRAINED: -1},
    "V2": {BOTH: 1, "ResNet": -1},
    "V3a": {BOTH: 1, "images alone": -1},
    "V3b": {BOTH: 1, "clusters alone": -1},
    "V4": {BOTH: 1, PATCHES: -1},
}
STEADINESS = {PATCHES: 1, BOTH: -1}  # … and V5 by how far gradients spread
VIEWS = {"views of other colours": "", "views of the same colours": "_colored"}  # trainings on shapes, by their names
N_VALUES = 5  # of each cue, and as many clusters
MOST_CLASSES = 100  # k-means takes long for more

Pooled = dict[str, dict[str, torch.Tensor]]  # role → block → (n, width)


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["ContrastiveClustering"]:
    """Cluster the run's images by what ViT and CNN make of them, and compare trainings without labels.

    Args:
        loaded: {"vit": …, "cnn": …} and perhaps "vit_unlabelled"; of later runs no model is looked at.
    """
    everyone, names, _ = name_needed(loaded, ())
    features, trainings = read_features(everyone, run), read_trainings(run)
    cues = cluster_by_cues(features, run)
    if trainings:
        trainings, cues = cluster_anew(everyone[ROLE], trainings, run), read_cues_of_views(run) | cues
    found = ContrastiveClustering(cluster_by_depth(features, run), cues, trainings)
    yield from [found] * len(names)


def measure_controls(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["ContrastiveClustering"]:
    """The same by depth with random weights; before training there is no effect of a claim."""
    everyone, names, _ = name_needed(loaded, ())
    trainings = read_trainings(run)
    depth = cluster_by_depth(read_features(everyone, run), run)
    yield from [ContrastiveClustering(depth, {}, trainings and trainings.forget())] * len(names)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """V1 to V5 in each universe, where the run's images are the published ones: they rest on other drawings."""
    trainings = read_trainings(run) if run.opened else None
    if trainings is None:
        return
    everyone, names, _ = name_needed(loaded, ())
    untrained = cluster_anew(everyone[ROLE], trainings, run).others[UNTRAINED]
    for choices, information in vary_information(run, untrained):
        yield choices, [compare_all(information, COMPARED)] * len(names)
    for choices, spreads in vary_spreads(trainings, run):
        yield choices, [compare_all(spreads, {"V5": STEADINESS})] * len(names)


def read_features(everyone: dict[str, nn.Module], run: Run) -> Pooled:
    """Of ViT and CNN the pooled tokens of every block."""
    models, n_images = {role: everyone[role] for role in MODELS}, len(run.images)
    (cast,), minibatches = assemble([models], run.minibatches(models))
    read = lambda own: Features(TokenKinds(own.blocks(), singles=False), n_images)  # noqa: E731
    kept = {role: cast.measure(role, read) for role in models}
    found = feed(minibatches, cast)
    return {role: split_by_kind(found[each])[POOLED] for role, each in kept.items()}


def cluster_by_depth(features: Pooled, run: Run) -> dict[str, LabelledArray]:
    """What as many k-means clusters as there are classes tell of these, block by block: role → (blocks,).

    Nothing where classes are not known, or are more than `MOST_CLASSES`.
    """
    classes = run.read_classes()
    if classes is None:
        return {}
    labels = torch.cat(classes).unique(return_inverse=True)[1]
    k, seed = int(labels.max()) + 1, run.parameters["seed"]
    if k > MOST_CLASSES:
        return {}
    found = {
        role: [_inform(find_means(each, k, seed), labels) for each in of.values()] for role, of in features.items()
    }
    return {role: LabelledArray({"block": list(features[role])}, each) for role, each in found.items()}


def cluster_by_cues(features: Pooled, run: Run) -> dict[str, list[float]]:
    """What clusters of drawings tell of each cue: by the last block's pooled tokens, and without a network."""
    cues = read_cues(run)
    if cues is None:
        return {}
    described = {role: list(of.values())[-1] for role, of in features.items()}
    described |= describe_without_network(run.images)
    seed = run.parameters["seed"]
    return {name: _inform_of_cues(find_means(each, N_VALUES, seed), cues) for name, each in described.items()}


def read_cues_of_views(run: Run) -> dict[str, list[float]]:
    """The same of clusters learned without labels on `shapes`, by what views change; means over trainings."""
    cards, n_images = bundled.read_manifest(), run.parameters["n_drawings"]
    own = run.parameters[ROLE].replace(Strokes.name, Shapes.name)
    cues = torch.tensor([choose_cues(index, "test") for index in range(n_images)])
    found = {}
    for name, tag in VIEWS.items():
        clusters = read_clusters(find_twins(cards, own + tag)[: run.parameters["n_seeds"]], n_images)
        found[name] = np.mean([_inform_of_cues(each, cues) for each in clusters], 0).tolist()
    return found


@dataclass(frozen=True)
class ContrastiveClustering:
    """NMI of clusters with classes by depth and with cues; and what trainings without labels found, if it is known."""

    depth: dict[str, LabelledArray]
    cues: dict[str, list[float]]
    trainings: Trainings | None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found: Measures = {"information_by_depth": self.depth} if self.depth else {}
        if self.cues:
            axes = {"clusters": self.cues, "cue": CUES}
            found["information_by_cue"] = {"shapes": LabelledArray(axes, list(self.cues.values()))}
        return found | (self.trainings.arrays() if self.trainings else {})

    def terms(self) -> dict[str, Terms]:
        """V1 to V4 over groups of test drawings, V5 over groups of steps."""
        if self.trainings is None:
            return {}
        compared = compare_all(self.trainings.information, COMPARED)
        return compared | compare_all(self.trainings.spreads, {"V5": STEADINESS})


def _inform(clusters: torch.Tensor, labels: torch.Tensor) -> float:
    return mutual_information(count_pairs(clusters, labels))


def _inform_of_cues(clusters: torch.Tensor, cues: torch.Tensor) -> list[float]:
    return [_inform(clusters, cue) for cue in cues.T]


CHAPTER = Chapter(
    "contrastive_clustering",
    measure_runs,
    control=measure_controls,
    rehearse=lambda models, run: ContrastiveClustering(cluster_by_depth(read_features(models, run), run), {}, None),
    open=open_strokes,
    optional=(ROLE,),
    own=("n_drawings", "steady_from"),
    vary=vary_runs,
)
