"""What cards tell of trainings beside their answers to test images, for chapters around the paper that compare them.

Those that learned from grounded drawings are asked what they see with foreground or background alone; those that
learned from outlines alone, and the ordinary ones beside them, about ordinary drawings and cue conflicts. Of those that
learned to label pixels there are tables of truth by answer, of patches and of pixels, a table for each group of
drawings that follow one another, and all pixels of a few drawings.
"""

import torch
from torch import nn

from seelike.images.drawings import IMAGE_SIZE, Drawings
from seelike.images.other_cues import Grounded
from seelike.images.shapes import Conflicts, Shapes
from seelike.measures.attention_segments import Segments, read_last_attention
from seelike.measures.object_parts import hide_parts
from seelike.measures.perturbations import paint
from seelike.measures.runner import assemble, feed
from seelike.measures.segmentation import label_patches, mean_iou, tabulate
from seelike.models.dense import N_LABELS
from seelike.models.recipes import RESNET, VIT, find_recipe
from seelike.results.answers import write_digits
from seelike.training.accuracy import answer, label, normalize

SPLIT = "test"
IN_PART = 250  # drawings at a time
GROUPS = 40  # of drawings: tables of each are apart, so that one can be left out
SIDES = {"patches": 7, "pixels": IMAGE_SIZE}  # cells a side, of what is labelled
HALVES = 2  # of the drawings: the best head is chosen on one and judged by the other


def ask(name: str, model: nn.Module, n_images: int) -> dict:
    """`asked`: what was shown → answers to the first drawings, a digit each; and of a ViT `jaccard`, of its best head.

    Of trainings that label pixels `patches` and `pixels`, tables by group of drawings, their mIoU, and `shown`: number
    of a drawing → its pixels' labels. Nothing of trainings of which no chapter asks more than their answers to test
    images.
    """
    if find_recipe(name).objective == "pixels":
        return _ask_for_labels(model, n_images)
    if find_recipe(name).task == Grounded.name:
        images, _ = Grounded(SPLIT).stack(n_images)
        hidden = hide_parts(_find_masks(Grounded(SPLIT), n_images))
        shown = {name: paint(images, each, torch.zeros(3)) for name, each in hidden.items()}
        return {"asked": _answer_all(model, shown)}
    design = name.partition(".")[0]
    if design not in (VIT, RESNET):
        return {}
    shown = {drawings.name: drawings(SPLIT).stack(n_images)[0] for drawings in (Shapes, Conflicts)}
    asked = {"asked": _answer_all(model, shown)}
    return asked | ({"jaccard": _segment(model, shown[Shapes.name])} if design == VIT else {})


def _ask_for_labels(model: nn.Module, n_images: int) -> dict:
    drawings, (images, _) = Shapes(SPLIT), Shapes(SPLIT).stack(n_images)
    masks, outlines = _find_masks(drawings, n_images), [drawings.drawing(index).outline for index in range(n_images)]
    found: dict = {}
    for name, side in SIDES.items():
        truth = label_patches(masks, torch.tensor(outlines), (side, side))
        labels = label(model, images, side)
        groups = zip(labels.tensor_split(GROUPS), truth.tensor_split(GROUPS), strict=True)
        tables = [tabulate(*group, N_LABELS) for group in groups]
        found[name] = [table.tolist() for table in tables]
        found[f"miou_of_{name}"] = round(float(mean_iou(sum(tables))), 4)
    chosen = [outlines.index(outline) for outline in sorted(set(outlines))]
    return found | {"shown": {str(index): write_digits(labels[index].flatten()) for index in chosen}}


def _answer_all(model: nn.Module, shown: dict[str, torch.Tensor]) -> dict[str, str]:
    return {name: write_digits(answer(model, images)) for name, images in shown.items()}


def _segment(model: nn.Module, images: torch.Tensor) -> float:
    """The Jaccard index of the best head's patches with the objects of the first ordinary drawings."""
    parts = ({"vit": normalize(part)} for part in images.split(IN_PART))
    (cast,), minibatches = assemble([{"vit": model}], parts)
    maps = cast.measure("vit", lambda own: read_last_attention(own, len(images)))
    masks = _find_masks(Shapes(SPLIT), len(images))
    segments = Segments.of(feed(minibatches, cast)[maps], cast.architectures["vit"].grid, masks, HALVES)
    return round(segments.judge_best(), 4)


def _find_masks(drawings: Drawings, n_images: int) -> torch.Tensor:
    """The pixels of each object, (n, height, width) bool."""
    return torch.stack([torch.from_numpy(drawings.drawing(index).mask) for index in range(n_images)])
