"""Section 5 of the paper, all of it: how far heads look, what local heads resemble, what a position sees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.activations.architecture import Architecture
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.run import Run
from seelike.measures import attention_distance, receptive_field
from seelike.measures.attention_distance import AttentionDistance, Distances
from seelike.measures.head_cka import Heads, HeadSimilarity
from seelike.measures.intervals import Terms
from seelike.measures.receptive_field import Branches, ReceptiveFields
from seelike.measures.runner import Cast, Minibatches, assemble, feed, name_all, spread
from seelike.results.choices import DEPTHS
from seelike.results.labelled_array import Measures
from seelike.system.progress import track

PATCHES = "patches"
KEYS = {PATCHES: Distances, "all": partial(Distances, rescaled=False)}  # the tokens to which attention counts
ENDS = {"two": attention_distance.OUTER, "one": 1, "three": 3}  # blocks
FIELD_PIXELS = 8 * 224**2  # of the images whose graph is kept at a time, one of each team


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run, n_field_images: int) -> Iterator["LocalAndGlobal"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and, if it is there, "vit_low_data".
        n_field_images: from how many of the first images receptive fields are estimated.
    """
    runs = list(check_each(loaded, ("vit_low_data",)))
    everyone, names = name_all(runs)
    (together, *casts), minibatches = assemble([everyone, *runs], run.minibatches(everyone))
    distances, heads = _look(together, names, minibatches)[PATCHES]
    for cast, own in zip(casts, names, strict=True):
        of_own = {role: distances[own[role]] for role in own if role != "cnn"}
        yield LocalAndGlobal(of_own, heads, (own["vit"], own["cnn"]), *_differentiate(cast, run, n_field_images))


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images."""
    runs = list(loaded)
    everyone, names = name_all(runs)
    (together, *casts), minibatches = assemble([everyone, *runs], run.minibatches(everyone))
    for keys, (distances, heads) in _look(together, names, minibatches, KEYS).items():
        yield {"keys": keys}, [heads.terms(of["vit"], of["cnn"]) for of in names]
        own = [{role: distances[of[role]] for role in of if role != "cnn"} for of in names]
        for ends, n_blocks in ENDS.items():
            yield {"keys": keys, "ends": ends}, [attention_distance.find_terms(each, n_blocks) for each in own]
    yield from _vary_fields([_differentiate(cast, run, run.parameters["n_field_images"]) for cast in casts])


def _vary_fields(found: list[tuple[dict[str, ReceptiveFields], Branches]]) -> Iterator[Universe]:
    squared = [({role: each.square() for role, each in fields.items()}, branches) for fields, branches in found]
    for gradient, of in {"absolute": found, "squared": squared}.items():
        for depth, parts in DEPTHS.items():
            terms = [receptive_field.find_terms(own["vit"], own["cnn"], branches, parts) for own, branches in of]
            yield {"gradient": gradient, "depth": depth}, terms
        yield {"gradient": gradient}, terms  # A5 has no parts of the depth


def _look(
    cast: Cast, names: list[dict[str, str]], minibatches: Minibatches, keys: Iterable[str] = (PATCHES,)
) -> dict[str, tuple[dict[str, AttentionDistance], HeadSimilarity]]:
    """How far all heads of every ViT look, and what those of its lowest blocks have in common with every CNN.

    By which keys count, see `KEYS`.
    """
    vits, cnns = (list(dict.fromkeys(own[role] for own in names)) for role in ("vit", "cnn"))
    seeing = [name for name in cast.models if name not in cnns]
    asked = {each: {name: cast.measure(name, KEYS[each]) for name in seeing} for each in keys}
    heads = Heads(cast, vits, cnns)
    found = feed(minibatches, cast)
    distances = {each: {name: found[of] for name, of in own.items()} for each, own in asked.items()}
    return {each: (own, heads.gather(found, own)) for each, own in distances.items()}


def _differentiate(cast: Cast, run: Run, n_field_images: int) -> tuple[dict[str, ReceptiveFields], Branches]:
    """Receptive fields of a run's ViT and CNN, and the ViT's branches that are among them."""
    branches = cast.ask("vit", lambda own: receptive_field.find_branches(own, cast.models["vit"]))
    names = {role: [*cast.ask(role, Architecture.names)] for role in ("vit", "cnn")}
    names["vit"] += branches.inside
    team, seed = receptive_field.choose_team(*map(len, names.values())), run.parameters["seed"]
    pixels = max(cast.images[role][0, 0].numel() for role in names)  # both models are shown the same teams
    most = team * max(1, FIELD_PIXELS // pixels)

    def differentiate(role: str) -> ReceptiveFields:
        few = _first(run, cast.models, role, n_field_images, most)
        return receptive_field.estimate_fields(cast.models[role], few, names[role], team, seed)

    return spread({role: cast.models[role] for role in names}, differentiate), branches


@dataclass(frozen=True)
class LocalAndGlobal:
    """What section 5 of the paper asks of a ViT and a CNN.

    `heads` are those of every run; `pair` is what this run's two models are called among them.
    """

    distances: dict[str, AttentionDistance]
    heads: HeadSimilarity
    pair: tuple[str, str]
    fields: dict[str, ReceptiveFields]
    branches: Branches

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        distances = {role: found.array() for role, found in self.distances.items()}
        return {"attention_distance": distances} | self.heads.arrays() | receptive_field.arrays(self.fields)

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms: of A1 to A3 over minibatches, of A4 and A5 over teams of images."""
        fields = receptive_field.find_terms(self.fields["vit"], self.fields["cnn"], self.branches)
        return attention_distance.find_terms(self.distances) | self.heads.terms(*self.pair) | fields


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
    own=("n_field_images",),
    vary=vary_runs,
)
