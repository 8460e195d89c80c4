"""Cue conflicts as a chapter shows them: models decide by their own heads, or by heads fitted to the chapter's images.

A head is fitted, as `seelike.measures.answering` says, to those of the chapter's images that are of one of the groups
of classes which cue conflicts are of, and tells these groups apart.
"""

from collections.abc import Collection

import numpy as np
import torch
from torch import nn
from torch.utils.data import Subset

from seelike.activations.flattened import Outputs
from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.images.cue_conflicts import SPLIT, CueConflicts, open_drawings, open_pictures
from seelike.images.shapes import Conflicts, Shapes
from seelike.measures.answering import ANSWER, Pooled, choose_class, fit_head
from seelike.measures.features import Features
from seelike.measures.intervals import MIN_DRAWS
from seelike.measures.runner import Cast, feed
from seelike.measures.shape_bias import Decisions, Grouped
from seelike.system.errors import InputError

LEAST_FITTED = 100  # images that a head is fitted to


def open_for(run: Run) -> CueConflicts | None:
    """Those that n_conflicts, conflicts_data_dir and conflicts_classes ask for; None for none.

    Without a place they are drawings, where the chapter's own images are. Raises InputError, which names the parameter.
    """
    n_images, seed = run.parameters["n_conflicts"], run.parameters["seed"]
    place, classes = run.parameters["conflicts_data_dir"], run.parameters["conflicts_classes"]
    if classes and not place:
        raise InputError("conflicts_classes is for pictures of your own: give their place as conflicts_data_dir")
    if not n_images or not (place or run.parameters["dataset"] == Shapes.name):
        return None
    found = open_pictures(place, classes, n_images, seed) if place else open_drawings(n_images, seed)
    run.other_images["conflicts_dataset"] = found.images.describe("folder" if place else Conflicts.name, SPLIT)
    return found


def decide(
    models: dict[str, nn.Module], own_heads: Collection[str], run: Run, conflicts: CueConflicts
) -> dict[str, Decisions]:
    """What every model that can decide goes by.

    Args:
        own_heads: the models whose own heads tell the classes of the chapter's images apart.
    """
    fitted = _fit_heads({name: model for name, model in models.items() if name not in own_heads}, run, conflicts)
    cast = Cast({name: models[name] for name in own_heads} | fitted)
    reduce = {name: Grouped(conflicts.groups) if name in own_heads else choose_class for name in cast.models}
    n_images = len(conflicts.images)
    asked = {name: cast.add(name, Features(Outputs((ANSWER,), reduce[name]), n_images)) for name in cast.models}
    if not asked:
        return {}
    images = run.load_images({name: models[name] for name in asked}, conflicts.images, what="show cue conflicts")
    found = feed(images, cast)
    return {name: _sort(found[each][ANSWER].numpy(), conflicts) for name, each in asked.items()}


def _sort(decided: np.ndarray, conflicts: CueConflicts) -> Decisions:
    by_shape = conflicts.shape_of[decided] == conflicts.shapes
    by_texture = conflicts.texture_of[decided] == conflicts.textures
    return Decisions.of(by_shape, by_texture, min(2 * MIN_DRAWS, len(decided)))


def _fit_heads(models: dict[str, nn.Module], run: Run, conflicts: CueConflicts) -> dict[str, nn.Module]:
    """Each model with a head for the groups of classes; none where too few images are of these."""
    group_of = {label: number for number, group in enumerate(conflicts.groups) for label in group}
    labels = datasets.read_labels(run.images).tolist() if models else []
    kept = [
        (index, group_of[label]) for index, label in zip(run.images.indices, labels, strict=False) if label in group_of
    ]
    if len(kept) < LEAST_FITTED:
        return {}
    indices, groups = map(list, zip(*kept, strict=True))
    images, cast = Subset(run.images.dataset, indices), Cast({name: Pooled(model) for name, model in models.items()})
    asked = {name: cast.add(name, Features(Outputs((ANSWER,)), len(indices))) for name in cast.models}
    found = feed(run.load_images(models, images, what="fit heads"), cast)
    n_groups, labels = len(conflicts.groups), torch.tensor(groups)
    heads = {name: fit_head(found[each][ANSWER], labels, n_groups).to(run.device) for name, each in asked.items()}
    return {name: nn.Sequential(pooled, heads[name]) for name, pooled in cast.models.items()}
