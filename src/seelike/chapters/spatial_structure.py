"""Does attention over positions find what belongs together; do trained position embeddings know their places? (P)"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from seelike.chapters import bundled_positions
from seelike.chapters.answered import SCALES, compare_all, find_accuracies
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.numbers import read_numbers
from seelike.chapters.run import Run
from seelike.measures.intervals import Terms, jackknife
from seelike.measures.patch_association import Layout, Network, alignment, associate, error, weigh_association
from seelike.measures.position_similarity import PositionSimilarity, find_similarity
from seelike.measures.runner import assemble
from seelike.models import bundled
from seelike.models.recipes import BRIEFLY, RECIPES
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes
from seelike.system.errors import InputError
from seelike.system.progress import track

EARLY = {1: "vit_after_1pct", 3: "vit_after_3pct", 10: "vit_after_10pct"}  # percent of training → state; all optional
ATTENTION = {"usual": "", "positions alone": "posattn_", "uniform": "uniform_"}  # of ViTs, by their names
# Part → the trainings that are compared, with their signs.
COMPARED = {"P5a": {"usual": 1, "positions alone": -1}, "P5b": {"positions alone": 1, "uniform": -1}}
N_TEST = 2_000  # images on which errors are measured
POINTS = 10  # of the course of training
PARTS = ("P1a", "P1b", "P2", "P3", "P4")
ASSOCIATIONS = ("best", "weight")
EMBEDDINGS, NEIGHBOURS = {"centred": True, "plain": False}, {"eight": 8, "four": 4}


@dataclass(frozen=True)
class Setting:
    """What data sets are drawn, how many, and how long networks learn; `few` are numbers of images of a second task."""

    layout: dict[str, int | float]
    n_examples: int
    n_steps: int
    few: list[int]
    n_datasets: int


def open_setting(run: Run) -> Setting:
    """What the parameters say. Raises InputError, which names the parameter."""
    chosen = run.parameters
    n_patches, n_sets = chosen["n_patches"], chosen["n_sets"]
    if n_patches % n_sets or n_patches == n_sets:
        raise InputError(f"n_sets must part {n_patches} patches into sets of one size, 2 or more, not {n_sets}")
    layout = {name: chosen[name] for name in ("n_patches", "n_sets", "dimension", "busy", "noise")}
    few = read_numbers("transfer_examples", chosen["transfer_examples"], 2, 10_000)
    return Setting(layout, chosen["n_examples"], chosen["n_steps"], few, chosen["n_datasets"])


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["SpatialStructure"]:
    """Train the networks of all data sets, on one process, and compare the position embeddings of every run's ViTs.

    Args:
        loaded: {"vit": …} and whatever there is of `EARLY`.
    """
    compared = list(compare_positions(loaded, run))
    learned = processes.once(partial(learn, run.opened, run.parameters["seed"]))
    shares = bundled_positions.find_shares() if run.parameters["vit"] in bundled.NAMES else {}
    for similarities in compared:
        yield SpatialStructure(similarities, learned, find_answered(run.parameters), shares)


def measure_controls(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["SpatialStructure"]:
    """The same before training: of the networks as they start, and of untrained ViTs."""
    learned = processes.once(partial(learn, run.opened, run.parameters["seed"], trained=False))
    for similarities in compare_positions(loaded, run):
        unknown = {kind: each * np.nan for kind, each in find_answered(run.parameters).items()}
        yield SpatialStructure(similarities, learned, unknown)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """P1 to P4 and P6 in each universe, where the run's images are the published ones: they rest on none of them."""
    if not run.opened:
        return
    runs = [{"vit": models["vit"]} for models in loaded]
    for embedding, centred in EMBEDDINGS.items():
        similarities = list(compare_positions(runs, run, centred))
        for neighbours, most in NEIGHBOURS.items():
            terms = [{"P6": {("vit",): each["vit"].replicates(most)}} for each in similarities]
            yield {"embedding": embedding, "neighbours": neighbours}, terms
    for scale in SCALES:
        yield {"scale": scale}, [compare_all(find_answered(run.parameters, scale), COMPARED)] * len(runs)
    for name, setting in vary_setting(run.opened).items():
        learned = processes.once(partial(learn, setting, run.parameters["seed"]))
        yield {"setting": name}, [_of_no_model(learned.replicates())] * len(runs)
        for association in ASSOCIATIONS:
            terms = _of_no_model(learned.replicates(association))
            yield {"association": association, "setting": name}, [terms] * len(runs)


def vary_setting(setting: Setting) -> dict[str, Setting]:
    """The setting itself, with half as many steps, and with twice the noise."""
    noisy = setting.layout | {"noise": 2 * setting.layout["noise"]}
    short = replace(setting, n_steps=max(1, setting.n_steps // 2))
    return {"published": setting, "short": short, "noisy": replace(setting, layout=noisy)}


def _of_no_model(replicates: dict[str, np.ndarray]) -> dict[str, Terms]:
    return {part: {(): each} for part, each in replicates.items()}


def find_answered(parameters: Mapping[str, str], scale: str = "points") -> dict[str, np.ndarray]:
    """Kind of attention → replicates of the accuracies of ViTs that have it, of a bundled ViT's family, where known.

    Where others of the family were trained briefly, so was the usual one that stands beside them. There are none where
    the ViT's weights are from a file. `scale` is one of `answered.SCALES`.
    """
    if parameters["vit_checkpoint"]:
        return {}
    cards, vit = bundled.read_manifest(), bundled.complete(parameters["vit"])
    vit += BRIEFLY if vit + BRIEFLY in RECIPES else ""
    names = {kind: vit.replace("vit_pocket_", f"vit_pocket_{word}", 1) for kind, word in ATTENTION.items()}
    found = {kind: find_accuracies(cards, name, scale) for kind, name in names.items()}
    return {kind: each for kind, each in found.items() if each is not None}


def compare_positions(
    loaded: Iterable[dict[str, nn.Module]], run: Run, centred: bool = True
) -> Iterator[dict[str, PositionSimilarity]]:
    """Of every run's ViTs how alike position embeddings are. Raises InputError, which names the role."""
    for everyone in check_each(loaded, EARLY.values()):
        models = {role: everyone[role] for role in ("vit", *EARLY.values()) if role in everyone}
        (cast,), _ = assemble([models], run.minibatches(models))
        grids = {role: cast.ask(role, lambda own: own.grid) for role in models}
        yield {
            role: cast.look(role, lambda model, _, own=grid: find_similarity(model, own, centred))
            for role, grid in grids.items()
        }


@dataclass(frozen=True)
class Learned:
    """What networks learned of every data set.

    `course` is (data sets, points, 2): association − chance and alignment at `steps`; `shuffled` the association of
    networks that learned from shuffled positions; `held` and `errors` test errors with attention held and learned;
    `transfer` (data sets, numbers of images, 2) those of the second task, from scratch and with attention taken over.
    `scores` are of the first data set, learned and shuffled (2, positions, positions), its positions sorted by set.
    `weights` are (data sets, 2): association by weights of attention, learned and shuffled.
    """

    steps: list[int]
    few: list[int]
    sets: np.ndarray
    course: np.ndarray
    shuffled: np.ndarray
    errors: np.ndarray
    held: np.ndarray
    transfer: np.ndarray
    scores: np.ndarray
    weights: np.ndarray

    def replicates(self, by: str = "best") -> dict[str, np.ndarray]:
        """P1 to P4, means over data sets; association is `by` one of `ASSOCIATIONS`."""
        association, aligned = self.course[:, -1].T
        association, shuffled = (association, self.shuffled) if by == "best" else self.weights.T
        gain = (self.transfer[..., 0] - self.transfer[..., 1]).mean(1)
        found = (association, association - shuffled, self.held - self.errors, aligned, gain)
        pairs = zip(PARTS, found, strict=True)
        return {part: jackknife(len(each), lambda chosen, own=each: own[chosen].mean()) for part, each in pairs}

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, means over data sets."""
        positions = self.sets.flatten().tolist()
        by_set = {"position": positions, "other": positions}
        course = {"step": self.steps}
        of_transfer = self.transfer.mean(0).T
        return {
            "association": {
                "learned": LabelledArray(course, self.course[..., 0].mean(0)),
                "shuffled": LabelledArray({"step": self.steps[-1:]}, [self.shuffled.mean()]),
            },
            "alignment": {"learned": LabelledArray(course, self.course[..., 1].mean(0))},
            "scores": {
                name: LabelledArray(
                    by_set, each, boundaries=[len(self.sets[0]) * (i + 1) for i in range(len(self.sets))]
                )
                for name, each in zip(("learned", "shuffled"), self.scores, strict=True)
            },
            "error": {
                "network": LabelledArray({"attention": ["learned", "held"]}, [self.errors.mean(), self.held.mean()])
            },
            "transfer_error": {
                name: LabelledArray({"images": self.few}, each)
                for name, each in zip(("from scratch", "attention taken over"), of_transfer, strict=True)
            },
        }


def learn(setting: Setting, seed: int, trained: bool = True) -> Learned:
    """Networks trained on every data set; or the same measured of networks as they start, without a course."""
    numbers = track(range(setting.n_datasets), "data sets", setting.n_datasets)
    found = [_learn_one(setting, torch.Generator().manual_seed(seed * 10_007 + number), trained) for number in numbers]
    points = POINTS if trained else 0
    steps = [round(setting.n_steps * i / POINTS) for i in range(points + 1)]
    sets, *found, scores, weights = map(np.array, zip(*found, strict=True))
    return Learned(steps, setting.few, sets[0], *found, scores[0], weights)


def _learn_one(setting: Setting, generator: torch.Generator, trained: bool) -> tuple:
    """What `Learned` holds of one data set."""
    layout = Layout.draw(**setting.layout, generator=generator)
    start = Network.start(setting.layout["n_patches"], setting.layout["dimension"], generator)
    images, mixed, test = (
        layout.images(n, generator, shuffled)
        for n, shuffled in ((setting.n_examples, False), (setting.n_examples, True), (N_TEST, False))
    )
    states = _follow(start, images, setting.n_steps) if trained else [start]
    steps = setting.n_steps if trained else 0
    shuffled, held = start.train(*mixed, steps), start.train(*images, steps, hold=True)
    course = [(_association(state, layout), alignment(state, layout)) for state in states]
    order = layout.sets.flatten()
    scores = [network.scores[order][:, order].numpy() for network in (states[-1], shuffled)]
    transfer = _transfer(setting, layout, start, states[-1], generator)
    weights = [float(weigh_association(each.scores, layout.together).mean()) for each in (states[-1], shuffled)]
    found = (_association(shuffled, layout), error(states[-1], *test), error(held, *test), transfer, scores, weights)
    return (layout.sets.numpy(), course, *found)


def _follow(network: Network, images: tuple[torch.Tensor, torch.Tensor], steps: int) -> list[Network]:
    """The network at the start and at `POINTS` steps on the way."""
    ends = [round(steps * i / POINTS) for i in range(POINTS + 1)]
    states = [network]
    for before, after in pairwise(ends):
        states.append(states[-1].train(*images, after - before))
    return states


def _association(network: Network, layout: Layout) -> float:
    return float(associate(network.scores, layout.together).mean())


def _transfer(
    setting: Setting, layout: Layout, start: Network, learned: Network, generator: torch.Generator
) -> list[tuple[float, ...]]:
    """P4: test errors of a second task of the same sets, learned from few images: from scratch, with A taken over."""
    second = layout.with_feature(generator)
    test = second.images(N_TEST, generator)
    begins = (start, Network(learned.scores, start.value))
    found = []
    for n in setting.few:
        images = second.images(n, generator)
        found.append(tuple(error(begin.train(*images, setting.n_steps), *test) for begin in begins))
    return found


@dataclass(frozen=True)
class SpatialStructure:
    """What networks learned, None in a rehearsal, how alike each ViT's position embeddings are, `find_answered`, and
    `bundled_positions.find_shares` beside bundled ViTs."""

    similarities: dict[str, PositionSimilarity]
    learned: Learned | None
    answered: dict[str, np.ndarray] = field(default_factory=dict)
    bundled: Measures = field(default_factory=dict)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = {"position_similarity": {"vit": self.similarities["vit"].array()}}
        stages = {
            percent: self.similarities[role]
            for percent, role in (EARLY | {100: "vit"}).items()
            if role in self.similarities
        }
        shares = [each.shares.mean() for each in stages.values()]
        found["neighbour_share"] = {"vit": LabelledArray({"percent": stages}, shares)}
        if self.answered.keys() == ATTENTION.keys():
            n = min(map(len, self.answered.values()))
            accuracies = np.array([each[:n, 0] for each in self.answered.values()])
            if not np.isnan(accuracies).any():
                axes = {"attention": ATTENTION, "training": range(1, 1 + n)}
                found["attention_accuracy"] = {"vit": LabelledArray(axes, accuracies)}
        return found | self.bundled | (self.learned.arrays() if self.learned else {})

    def terms(self) -> dict[str, Terms]:
        """P1 to P4 over data sets, P5 over test images, P6 over positions."""
        found: dict[str, Terms] = {"P6": {("vit",): self.similarities["vit"].replicates()}}
        found |= compare_all(self.answered, COMPARED)
        return _of_no_model(self.learned.replicates()) | found if self.learned else found


CHAPTER = Chapter(
    "spatial_structure",
    measure_runs,
    control=measure_controls,
    rehearse=lambda models, run: SpatialStructure(next(compare_positions([models], run)), None),
    open=open_setting,
    required=("vit",),
    optional=tuple(EARLY.values()),
    own=(
        *("n_patches", "n_sets", "dimension", "busy", "noise"),
        *("n_examples", "n_steps", "transfer_examples", "n_datasets"),
    ),
    vary=vary_runs,
)
