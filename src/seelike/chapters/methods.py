"""What CKA is and is not: the choices behind it and other measures beside it, on the same two layers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import Outputs, reading
from seelike.activations.forward import read_once
from seelike.activations.tokens import split
from seelike.chapters.chapter import Chapter, Loaded
from seelike.chapters.run import MODELS, Run
from seelike.measures.cka import gram
from seelike.measures.cka_choices import SIZES, by_outlier, by_sampling, by_size, by_transformation
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.measure_choices import (
    by_change,
    by_position,
    by_share,
    by_translation,
    by_width,
    rotate_to_components,
)
from seelike.measures.runner import Cast, assemble, feed
from seelike.measures.untrained_matches import score_untrained
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes
from seelike.system.errors import InputError

CHANGES = {"change": by_change, "translation": by_translation, "share": by_share}
MOST_IMAGES = 1024  # of which both layers are kept
MOST_COMPARED = 512  # of them, in the checks that need no minibatches


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["Reliability"]:
    """Pass the run's images through {"vit": …, "cnn": …} and keep the block in the middle of each, on one process.

    Both layers are kept whole, so that every choice can be varied on them: a run has `MOST_IMAGES` at most.
    """
    for models in loaded:
        yield processes.once(partial(_vary, models, run))


def _vary(models: dict[str, nn.Module], run: Run) -> "Reliability":
    n_images = len(run.images)
    if n_images < 2 * SIZES[0]:
        raise InputError(f"n_images must be {2 * SIZES[0]} or more in this chapter, not {n_images}")
    (cast,), minibatches = assemble([models], run.minibatches(models))
    kept = {role: cast.measure(role, lambda own: Features(_read_middle(own), n_images)) for role in models}
    places = _locate_positions(cast)
    found = feed(minibatches, cast)
    x, y = (_take(found[kept[role]]) for role in MODELS)
    generator = torch.Generator().manual_seed(run.parameters["seed"])
    few = slice(0, MOST_COMPARED)
    estimators = by_size(x, y, generator), by_outlier(x[few], y[few]), by_sampling(x[few], y[few], generator)
    transformed, z = by_transformation(x[few], generator), rotate_to_components(x[few])
    return Reliability(
        *estimators,
        transformed,
        {change: by(z, generator) for change, by in CHANGES.items()},
        by_width(generator),
        score_untrained(x[few], generator),
        by_position(x[few][:, places["vit"]], y[few][:, places["cnn"]], generator) if places else None,
    )


@dataclass(frozen=True)
class Reliability:
    """Labelled arrays of CKA, one for each choice that was varied, and of other measures, one for each change.

    `positions` are known only where both blocks have some.
    """

    sizes: dict[str, LabelledArray]
    outliers: LabelledArray
    samples: LabelledArray
    transformations: LabelledArray
    seen: dict[str, LabelledArray]
    widths: LabelledArray
    untrained: LabelledArray
    positions: LabelledArray | None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file."""
        return {
            "cka_by_minibatch": self.sizes,
            "cka_by_outlier": {"vit_cnn": self.outliers},
            "cka_by_sampling": {"vit_cnn": self.samples},
            "cka_by_transformation": {"vit": self.transformations},
            **{f"measures_by_{change}": {"vit": array} for change, array in self.seen.items()},
            "measures_by_width": {"unrelated": self.widths},
            "untrained_best_match": {"vit": self.untrained},
            **({"cka_by_position": {"vit": self.positions}} if self.positions else {}),
        }

    def terms(self) -> dict[str, Terms]:
        """None: the chapter tests no claim of the paper."""
        return {}


def _locate_positions(cast: Cast) -> dict[str, torch.Tensor]:
    """Role → where in its block's features each position has its channels; of none, where either block has none."""
    try:
        return {role: cast.look(role, partial(_number_positions, cast.ask(role, _find_placed))) for role in MODELS}
    except InputError:
        return {}


def _find_placed(architecture: Architecture) -> tuple[str]:
    """The block in the middle. Raises InputError where blocks have no known positions."""
    architecture.blocks()
    return _find_middle(architecture)


def _number_positions(names: tuple[str], model: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """(positions, channels): the number of each in what a block returns of one image (1, 3, height, width)."""

    def number(name: str, output: torch.Tensor) -> torch.Tensor:
        numbers = torch.arange(output.numel()).reshape(output.shape)
        return split(model, name, numbers, image).grid.flatten(1, 2)

    (found,) = read_once(model, image, reading(model, names, 1, torch.clone, number))
    return _take(found)[0]


def _read_middle(architecture: Architecture) -> Outputs:
    return Outputs(_find_middle(architecture), _keep)


def _find_middle(architecture: Architecture) -> tuple[str]:
    names = architecture.names()
    return (names[len(names) // 2],)


def _take(kept: dict[str, torch.Tensor]) -> torch.Tensor:
    return next(iter(kept.values()))


def _keep(activations: torch.Tensor) -> torch.Tensor:
    gram(activations)  # refuses what varies with no image
    return activations.clone()


def examine_controls(loaded: Loaded, run: Run) -> Iterator["Reliability"]:
    """Nothing is measured of untrained models, for no claim is tested; loaded, they are told beside the trained."""
    for _ in loaded:
        yield from ()


CHAPTER = Chapter(
    "methods",
    measure_runs,
    control=examine_controls,
    least_images=2 * SIZES[0],
    most_images=MOST_IMAGES,
)
