"""Tang et al. (2024), "DuoFormer": does attention across the scales of a CNN's stages help, and attention where? (F)"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from seelike.chapters.answered import SCALES, compare_all
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.probe_images import ProbeImages, even_and_odd, name_parameters, open_probe_images
from seelike.chapters.run import Run
from seelike.chapters.scale_trainings import (
    FULL,
    LEARNED,
    MEAN,
    NEW_HEAD,
    NOISE,
    ONE_SCALE,
    PATCH_ONLY,
    ROLE,
    SCALE_ONLY,
    Accuracies,
    check_parameters,
    label_accuracies,
    read_accuracies,
    read_own_answers,
)
from seelike.images import datasets
from seelike.images.strokes import Strokes
from seelike.measures.answering import ANSWER, read_answers
from seelike.measures.intervals import Terms
from seelike.measures.runner import Cast, feed, name_needed, spread
from seelike.measures.scale_attention import ScaleAttention
from seelike.measures.stage_ensembles import probe_stages
from seelike.models.duoformer import DuoFormer
from seelike.models.scale_tokens import lay_out
from seelike.results.answers import write_digits
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

# Part → the trainings that are compared, with their signs.
COMPARED = {
    "F1a": {FULL: 1, ONE_SCALE: -1},
    "F1b": {FULL: 1, NOISE: -1},
    "F2": {FULL: 1, MEAN: -1},
    "F3a": {FULL: 1, SCALE_ONLY: -1},
    "F3b": {FULL: 1, PATCH_ONLY: -1},
    "F4": {FULL: 1, LEARNED: -1},
    "F5": {FULL: 1, NEW_HEAD: -1},
}
CNN = "cnn"
MOST_DRAWINGS = 2_000  # that cards tell of
SHOWN = 8  # the number of the drawing whose stages are shown


@dataclass(frozen=True)
class Opened:
    """Images for probes of the CNN, if they are asked for, and drawings for DuoFormer, if there is one."""

    probed: ProbeImages | None
    strokes: datasets.Chosen | None


def open_images(run: Run) -> Opened:
    """As the parameters say. Raises InputError, which names the parameter."""
    check_parameters(run)
    n_drawings, strokes = run.parameters["n_drawings"], None
    if n_drawings > MOST_DRAWINGS:
        raise InputError(f"n_drawings must be at most {MOST_DRAWINGS}, not {n_drawings}")
    if ROLE in run.models:
        strokes = datasets.choose_first(datasets.open_images(Strokes.name, split="test"), n_drawings, "n_drawings")
        run.describe_images("strokes", Strokes.name, "", "test", strokes)
    return Opened(open_probe_images(run), strokes)


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["ScalesMixed"]:
    """Probe the CNN's stages, see how DuoFormer attends, and compare trainings by their cards.

    Args:
        loaded: {"cnn": …} and perhaps "duoformer"; of later runs no model is looked at.
    """
    everyone, names, _ = name_needed(loaded, ())
    found = ScalesMixed(
        probe(everyone[CNN], run.opened.probed, run), look(everyone, run), label_accuracies(run), read_asked(run)
    )
    yield from [found] * len(names)


def measure_controls(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["ScalesMixed"]:
    """The same with random weights; before training there is no effect of a claim."""
    everyone, names, _ = name_needed(loaded, ())
    unknown = {kind: each * np.nan for kind, each in read_asked(run).items()}
    attention = {name: each for name, each in look(everyone, run).items() if name == "scale_attention"}
    found = ScalesMixed(probe(everyone[CNN], run.opened.probed, run), attention, accuracies=unknown)
    yield from [found] * len(names)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """F1 to F5 in each universe, where the run's images are the published ones: they rest on cards, not on images."""
    for scale in SCALES if run.opened else ():
        yield {"scale": scale}, [compare_all(read_asked(run, scale), COMPARED)] * run.n_seeds


def read_asked(run: Run, scale: str = "points") -> Accuracies:
    """Accuracies of trainings on the task that the parameters name; `scale` is one of `answered.SCALES`."""
    return read_accuracies(run, run.parameters["new_task"], scale)


def probe(model: nn.Module, images: ProbeImages | None, run: Run) -> Measures:
    """`probe_accuracy`: of a CNN, by how many of its last stages a probe sees; nothing without images."""
    if images is None:
        return {}

    def work(role: str) -> LabelledArray:
        minibatches = (batch[role] for batch in images.minibatches({role: model}, run))
        return probe_stages(model, minibatches, images.labels, images.folds)

    return {"probe_accuracy": spread({CNN: model}, work)}


def look(models: dict[str, nn.Module], run: Run) -> Measures:
    """How DuoFormer's scale tokens attend, a drawing's stages, and whether its answers are the card's."""
    model, strokes = models.get(ROLE), run.opened.strokes
    if not isinstance(model, DuoFormer):
        return {}
    cast = Cast({ROLE: model})
    answers = cast.add(ROLE, read_answers(len(strokes)))
    attention = cast.add(ROLE, ScaleAttention()) if len(model.scale_blocks) else None
    found = feed(run.load_images({ROLE: model}, strokes, "see how scales are mixed"), cast)
    measured: Measures = {"stages": show_stages(model, run)}
    if attention:
        measured["scale_attention"] = {ROLE: found[attention]}
    told = read_own_answers(run)
    if told:
        here = write_digits(found[answers][ANSWER])
        share = np.mean([one == other for one, other in zip(here, told, strict=False)])
        measured["found_again"] = {ROLE: LabelledArray({"share": ["same answer as on the card"]}, [share])}
    return measured


@torch.no_grad()
def show_stages(model: DuoFormer, run: Run) -> dict[str, LabelledArray]:
    """A drawing in grey, and each stage that it has tokens of, the mean over channels: by positions a side."""
    image = run.transforms({ROLE: model})[ROLE](run.opened.strokes[SHOWN][0]).to(run.device)
    maps = {"drawing": image.mean(0)}
    for tokens in model.scale_tokens(image[None]):
        mean = lay_out(tokens.mean(-1, keepdim=True), image.shape[-2:])[0, 0]
        maps[f"{len(mean)} × {mean.shape[1]}"] = mean
    return {
        name: LabelledArray({"row": range(len(each)), "column": range(each.shape[1])}, each.cpu().numpy().round(3))
        for name, each in maps.items()
    }


@dataclass(frozen=True)
class ScalesMixed:
    """Probes of a CNN's stages, what DuoFormer's scale tokens do, and accuracies of trainings, as far as known."""

    probes: Measures
    seen: Measures = field(default_factory=dict)
    labelled: Measures = field(default_factory=dict)
    accuracies: Accuracies = field(default_factory=dict)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        return self.probes | self.seen | self.labelled

    def terms(self) -> dict[str, Terms]:
        """F1 to F5 over groups of test drawings."""
        return compare_all(self.accuracies, COMPARED)


CHAPTER = Chapter(
    "duoformer",
    measure_runs,
    control=measure_controls,
    rehearse=lambda models, run: ScalesMixed(probe(models[CNN], even_and_odd(run), run)),
    open=open_images,
    required=(CNN,),
    optional=(ROLE,),
    own=("n_drawings", "new_task", *name_parameters("probe")),
    vary=vary_runs,
)
