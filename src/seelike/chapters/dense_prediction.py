"""Zhang et al. (2024), "Vision Transformers: From Semantic Segmentation to Dense Prediction": what patches tell (H).

A linear probe says of every patch whether it shows ground or the object, and which object; pyramids that were trained
to say so of every pixel are compared by their cards. Where no image tells what it shows, only the receptive fields of
their pyramid are measured, with random weights.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.cues import read_cues
from seelike.chapters.labelled import Labelled, read_labelled, vary_labelled
from seelike.chapters.masks import find_masks, know_masks
from seelike.chapters.pyramids import Pyramids, forget_pyramids, see_pyramids
from seelike.chapters.run import MODELS, Run
from seelike.images.shapes import CUES, OUTLINES
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.probes import Fold
from seelike.measures.runner import Cast, assemble, feed_one, spread
from seelike.measures.segmentation import (
    GROUND,
    PIXELS,
    GridTokens,
    Segmentation,
    choose_examples,
    count,
    cut_patches,
    deal,
    label_patches,
    mean_iou,
    segment,
)
from seelike.models import hlg
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes

GAP = "vit_gap"
END = hlg.end_of_first_stage()
N_LABELS = 1 + len(OUTLINES)
TRUTH, EVERYWHERE = "truth", "ground everywhere"
MOST_IMAGES = 2000  # all tokens of all of them are kept


@dataclass(frozen=True)
class Scene:
    """A run's images: pixels that show an object (n, height, width), which object it is (n,), folds of images."""

    masks: torch.Tensor
    objects: torch.Tensor
    folds: list[Fold]


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["DensePrediction"]:
    """Probe the patch tokens of every run's models, see what the layers of a pyramid see, and compare trained ones.

    Args:
        loaded: {"vit": …, "cnn": …} and perhaps "vit_gap".
    """
    yield from probe_runs(loaded, run, processes.once(partial(see_pyramids, run)), run.opened)


def measure_controls(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["DensePrediction"]:
    """The same of models with random weights, which the pyramid that is seen has anyway; of others nothing is known."""
    yield from probe_runs(loaded, run, forget_pyramids(run), run.opened and run.opened.forget())


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """H4 and H5 in each universe, where the run's images are the published ones: they rest on cards, not on images."""
    for choices, terms in vary_labelled(run.parameters["n_seeds"]) if run.opened else ():
        yield choices, [terms] * run.n_seeds


def open_labelled(run: Run) -> Labelled | None:
    """What is known of trainings that label pixels, in runs of drawings."""
    return read_labelled(run.parameters["n_seeds"]) if know_masks(run) else None


def probe_runs(
    loaded: Iterable[dict[str, nn.Module]],
    run: Run,
    pyramids: Pyramids | None = None,
    labelled: Labelled | None = None,
) -> Iterator["DensePrediction"]:
    """Probe the patch tokens of every run's models; of later runs no more than the claims need.

    Args:
        loaded: {"vit": …, "cnn": …} and perhaps "vit_gap".
        pyramids: what is known of untrained HLG, the same in every run.
        labelled: what is known of trained ones, likewise.
    """
    known: dict[nn.Module, Segmentation] = {}
    scene = grid = None
    for number, models in enumerate(loaded):
        fresh = {role: model for role, model in models.items() if model not in known}
        if not number:
            scene = find_scene(run, models)
        others: dict[str, Segmentation] = {}
        if scene and fresh:
            grid = grid or find_grid(assemble([fresh], run.minibatches(fresh))[0][0])
            others = segment_models(fresh, run, scene, grid, whole=not number)
            known |= {model: others.pop(role) for role, model in fresh.items()}
        of_roles = {role: known[model] for role, model in models.items() if model in known}
        yield DensePrediction(of_roles, others.get(PIXELS), scene, grid, pyramids, labelled)


def find_scene(run: Run, models: dict[str, nn.Module]) -> Scene | None:
    """What is known of a run's images, as its ViT sees them; None where nobody knows what they show."""
    cues, masks = read_cues(run), find_masks(run, run.transforms(models)["vit"])
    if cues is None or masks is None:
        return None
    return Scene(masks, cues[:, list(CUES).index("outline")], deal(len(masks), run.parameters["seed"]))


def find_grid(cast: Cast) -> tuple[int, int]:
    """The grid on which models are compared: the fewest rows and columns of all their last blocks.

    Raises InputError, which names the role, for a model without positions.
    """
    rows, columns = zip(*(cast.ask(role, lambda own: own.blocks().grid) for role in cast.models), strict=True)
    return min(rows), min(columns)


def segment_models(
    models: dict[str, nn.Module], run: Run, scene: Scene, grid: tuple[int, int], whole: bool
) -> dict[str, Segmentation]:
    """Probe every block of every model, and raw patches; unless `whole`, of all but the ViT the last block alone.

    One model after another, since the tokens of all images are kept.
    """
    n_images, labels = len(scene.masks), label_patches(scene.masks, scene.objects, grid)

    def choose(own: Architecture, role: str) -> GridTokens:
        names = own.blocks().names if whole or role == "vit" else own.blocks().names[-1:]
        return GridTokens(replace(own.blocks(), names=names, rows=grid[0], columns=grid[1]))

    def probe(role: str) -> Segmentation:
        shown = "vit" if role == PIXELS else role
        minibatches = (batch[shown] for batch in run.minibatches({shown: models[shown]}))
        if role == PIXELS:  # they are what the ViT is shown, before any pass
            tokens = {PIXELS: torch.cat([cut_patches(images, grid).cpu() for images in minibatches])}
        else:
            tokens = feed_one(models[role], minibatches, lambda own: Features(choose(own, role), n_images), role)
        return segment(tokens, labels, scene.folds, N_LABELS, role == "vit")

    return spread(models | ({PIXELS: models["vit"]} if whole else {}), probe)


@dataclass(frozen=True)
class DensePrediction:
    """Segmentations by role and of raw patches, the images' scene, and pyramids, untrained and trained to label pixels.

    What is not known is left out.
    """

    models: dict[str, Segmentation]
    pixels: Segmentation | None
    scene: Scene | None
    grid: tuple[int, int] | None
    pyramids: Pyramids | None
    labelled: Labelled | None = None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found: Measures = {}
        for role, each in self.models.items():
            found.setdefault("miou", {})[role] = LabelledArray({"block": list(each.counts)}, each.values())
            if each.together is not None:
                value = mean_iou(each.together.sum(0))
                found.setdefault("miou_together", {})[role] = LabelledArray({"blocks": ["four together"]}, [value])
        if self.pixels:
            found["miou_floor"] = {"patches": self._find_floor()}
            found["patches"] = self._show_examples()
        for other in (self.pyramids, self.labelled):
            found |= other.arrays() if other else {}
        return found

    def _find_floor(self) -> LabelledArray:
        labels = label_patches(self.scene.masks, self.scene.objects, self.grid)
        ground = count(torch.full_like(labels, GROUND), labels, self.scene.folds, N_LABELS)
        values = [self.pixels.values()[0], mean_iou(ground.sum(0))]
        return LabelledArray({"answer": ["raw patches", EVERYWHERE]}, values)

    def _show_examples(self) -> dict[str, LabelledArray]:
        """Of one test image of each object the labels of all patches, in truth and by every model."""
        labels = label_patches(self.scene.masks, self.scene.objects, self.grid)
        of_models = {role: each.found for role, each in self.models.items()}
        chosen = choose_examples(self.pixels.found, self.scene.objects)
        axes = {"image": chosen, "row": range(self.grid[0]), "column": range(self.grid[1])}
        shown = {TRUTH: labels} | of_models
        return {name: LabelledArray(axes, each[chosen].view(-1, *self.grid).numpy()) for name, each in shown.items()}

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms: H1, H2 and H6 over draws of images for probes, H3 to H5 over images."""
        found: dict[str, Terms] = {}
        if {*MODELS, GAP} <= self.models.keys():
            cnn = {("cnn",): -self.models["cnn"].replicates()}
            found = {"H1a": {("vit",): self.models["vit"].replicates()} | cnn}
            found["H1b"] = {(GAP,): self.models[GAP].replicates()} | cnn
        if "vit" in self.models:
            found |= {"H2": {("vit",): self.models["vit"].growth()}, "H6": {("vit",): self.models["vit"].gain()}}
        found |= {"H3": self.pyramids.terms()} if self.pyramids else {}
        return found | (self.labelled.terms() if self.labelled else {})


CHAPTER = Chapter(
    "dense_prediction",
    measure_runs,
    control=measure_controls,
    rehearse=lambda models, run: next(probe_runs([models], run)),
    open=open_labelled,
    optional=(GAP,),
    own=("n_field_images",),
    most_images=MOST_IMAGES,
    vary=vary_runs,
)
