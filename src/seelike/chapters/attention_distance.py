"""Section 5 of the paper, all of it: how far heads look, what local heads resemble, what a position sees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from seelike.activations.forward import read_once
from seelike.activations.layers import find_layers, naming
from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.measures import attention_distance, receptive_field
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.head_cka import Heads, HeadSimilarity
from seelike.measures.intervals import Estimate
from seelike.measures.receptive_field import ReceptiveFields
from seelike.results.labelled_array import Measures
from seelike.system import processes

Seen = dict[tuple[str, nn.Module], list]  # parameter and model → what was read of it in one minibatch
FIELD_PIXELS = 8 * 224**2  # of the images whose graph is kept at a time, one of each team


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run, n_field_images: int) -> Iterator["LocalAndGlobal"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and, if it is there, "vit_low_data".
        n_field_images: from how many of the first images receptive fields are estimated.
    """
    runs = list(loaded)
    for models, looked in zip(runs, _look(runs, run), strict=True):
        yield LocalAndGlobal(*looked, *_differentiate(models, run, n_field_images))


def _differentiate(
    models: dict[str, nn.Module], run: Run, n_field_images: int
) -> tuple[dict[str, ReceptiveFields], dict[str, str]]:
    """Receptive fields of ViT and CNN, and which sublayer of the ViT each branch belongs to."""
    with processes.alone():
        images = next(run.minibatches(models))
    branches = receptive_field.find_branches("vit", models["vit"], images["vit"][:1])
    names = {
        role: [layer.name for layer in find_layers(role, models[role], "blocks", images[role][:1])]
        for role in ("vit", "cnn")
    }
    names["vit"] += [*branches, *branches.values()]
    team, seed = receptive_field.choose_team(*map(len, names.values())), run.parameters["seed"]
    pixels = max(images[role][0, 0].numel() for role in names)  # both models are shown the same teams
    most = team * max(1, FIELD_PIXELS // pixels)

    def differentiate(role: str) -> ReceptiveFields:
        with naming(role, models[role]):
            few = _first(run, models, role, n_field_images, most)
            return receptive_field.estimate_fields(models[role], few, names[role], team, seed)

    fields = dict(zip(names, processes.spread(list(names), differentiate), strict=True))
    return fields, branches


def _look(runs: list[dict[str, nn.Module]], run: Run) -> list[tuple[dict[str, AttentionDistance], HeadSimilarity]]:
    """How far all heads look, and what those of a ViT's first block resemble: each model sees the images once."""
    looks = [_Look(models) for models in runs]
    for images in run.minibatches(runs[0]):
        seen: Seen = {}
        for each in looks:
            each.update(images, seen)
    return [each.result() for each in looks]


class _Look:
    """Accumulator of distances and of what heads resemble, of one run's models."""

    def __init__(self, models: dict[str, nn.Module]):
        self.models = models
        self.distances = {role: Distances(role) for role in models if role != "cnn"}
        self.similarity = Heads()

    def update(self, images: dict[str, torch.Tensor], seen: Seen) -> None:
        """Add one minibatch; a model that is in `seen` is not passed through again."""
        for role, each in self.distances.items():
            model = self.models[role]
            readings = [each.reading(model, images[role])]
            readings += [self.similarity.reading(model)] if role == "vit" else []
            if (role, model) not in seen:
                seen[role, model] = read_once(model, images[role], *readings)
            each.update(seen[role, model][0])
        cnn = "cnn", self.models["cnn"]
        if cnn not in seen:
            seen[cnn] = [self.similarity.read_low(self.models["cnn"], images["cnn"])]
        self.similarity.update(seen["vit", self.models["vit"]][1], seen[cnn][0])

    def result(self) -> tuple[dict[str, AttentionDistance], HeadSimilarity]:
        found = {role: processes.merge(each).result() for role, each in self.distances.items()}
        return found, processes.merge(self.similarity).result(found["vit"].values[0])


@dataclass(frozen=True)
class LocalAndGlobal:
    """What section 5 of the paper asks of a ViT and a CNN."""

    distances: dict[str, AttentionDistance]
    similarity: HeadSimilarity
    fields: dict[str, ReceptiveFields]
    branches: dict[str, str]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        distances = {role: found.array() for role, found in self.distances.items()}
        return {"attention_distance": distances} | self.similarity.arrays() | receptive_field.arrays(self.fields)

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect: A1 to A3 with intervals over minibatches, A4 and A5 over teams of images."""
        fields = receptive_field.compare(self.fields["vit"], self.fields["cnn"], self.branches, seed)
        return attention_distance.compare(self.distances, seed) | self.similarity.estimates(seed) | fields


def _first(run: Run, models: dict[str, nn.Module], role: str, n_images: int, most: int) -> Iterator[torch.Tensor]:
    """The first images as one model wants them, `most` at a time."""
    left = n_images
    for batch in run.minibatches({role: models[role]}):
        images = batch[role][:left]
        yield from images.tensor_split(-(-len(images) // most))
        left -= len(batch[role])
        if left <= 0:
            return


CHAPTER = Chapter(
    "attention_distance",
    lambda loaded, run: measure_runs(loaded, run, run.parameters["n_field_images"]),
    rehearse=lambda models, run: next(measure_runs([models], run, n_field_images=1)),
    optional=("vit_low_data",),
)
