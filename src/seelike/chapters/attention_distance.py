"""Section 5 of the paper, all of it: how far heads look, what local heads resemble, what a position sees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.activations.architecture import Architecture
from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.measures import attention_distance, receptive_field
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.head_cka import Heads, HeadSimilarity
from seelike.measures.intervals import Estimate
from seelike.measures.receptive_field import ReceptiveFields
from seelike.measures.runner import Cast, Found, assemble, feed, spread
from seelike.results.labelled_array import Measures
from seelike.system.progress import track

FIELD_PIXELS = 8 * 224**2  # of the images whose graph is kept at a time, one of each team


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run, n_field_images: int) -> Iterator["LocalAndGlobal"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and, if it is there, "vit_low_data".
        n_field_images: from how many of the first images receptive fields are estimated.
    """
    runs = list(loaded)
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    looks = [_Look(cast) for cast in casts]
    found = feed(minibatches, *casts)
    for cast, look in zip(casts, looks, strict=True):
        yield LocalAndGlobal(*look.gather(found), *_differentiate(cast, run, n_field_images))


class _Look:
    """What is asked of one run's models: how far all heads look, and what those of a ViT's first block resemble."""

    def __init__(self, cast: Cast):
        self.distances = {role: cast.measure(role, Distances) for role in cast.models if role != "cnn"}
        self.heads = Heads(cast)

    def gather(self, found: Found) -> tuple[dict[str, AttentionDistance], HeadSimilarity]:
        distances = {role: found[each] for role, each in self.distances.items()}
        return distances, self.heads.gather(found, distances["vit"].values[0])


def _differentiate(cast: Cast, run: Run, n_field_images: int) -> tuple[dict[str, ReceptiveFields], dict[str, str]]:
    """Receptive fields of ViT and CNN, and which sublayer of the ViT each branch belongs to."""
    branches = cast.ask("vit", receptive_field.find_branches)
    names = {role: [*cast.ask(role, Architecture.names)] for role in ("vit", "cnn")}
    names["vit"] += [*branches, *branches.values()]
    team, seed = receptive_field.choose_team(*map(len, names.values())), run.parameters["seed"]
    pixels = max(cast.images[role][0, 0].numel() for role in names)  # both models are shown the same teams
    most = team * max(1, FIELD_PIXELS // pixels)

    def differentiate(role: str) -> ReceptiveFields:
        few = _first(run, cast.models, role, n_field_images, most)
        return receptive_field.estimate_fields(cast.models[role], few, names[role], team, seed)

    return spread({role: cast.models[role] for role in names}, differentiate), branches


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


def _first(run: Run, models: dict[str, nn.Module], role: str, n_images: int, most: int) -> Iterable[torch.Tensor]:
    """The first images as one model wants them, at most `most` at a time."""
    minibatches = run.load_images({role: models[role]}, Subset(run.images, range(n_images)))
    parts = (part for batch in minibatches for part in batch[role].tensor_split(-(-len(batch[role]) // most)))
    return track(parts, f"receptive fields of {role}", n_images, size=len)


CHAPTER = Chapter(
    "attention_distance",
    lambda loaded, run: measure_runs(loaded, run, run.parameters["n_field_images"]),
    rehearse=lambda models, run: next(measure_runs([models], run, n_field_images=1)),
    optional=("vit_low_data",),
)
