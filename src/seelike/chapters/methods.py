"""What CKA is and is not: the choices behind it, each varied alone on the same two layers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import Outputs
from seelike.chapters.chapter import Chapter, Loaded
from seelike.chapters.run import Run
from seelike.measures.cka import gram
from seelike.measures.cka_choices import SIZES, by_outlier, by_sampling, by_size, by_transformation
from seelike.measures.features import Features
from seelike.measures.intervals import Terms
from seelike.measures.runner import assemble, feed
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes
from seelike.system.errors import InputError

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
    found = feed(minibatches, cast)
    x, y = (next(iter(found[kept[role]].values())) for role in ("vit", "cnn"))
    generator = torch.Generator().manual_seed(run.parameters["seed"])
    few = slice(0, MOST_COMPARED)
    return Reliability(
        by_size(x, y, generator),
        by_outlier(x[few], y[few]),
        by_sampling(x[few], y[few], generator),
        by_transformation(x[few], generator),
    )


@dataclass(frozen=True)
class Reliability:
    """Labelled arrays of CKA, one for each choice that was varied."""

    sizes: dict[str, LabelledArray]
    outliers: LabelledArray
    samples: LabelledArray
    transformations: LabelledArray

    def arrays(self) -> Measures:
        """Labelled arrays for a result file."""
        return {
            "cka_by_minibatch": self.sizes,
            "cka_by_outlier": {"vit_cnn": self.outliers},
            "cka_by_sampling": {"vit_cnn": self.samples},
            "cka_by_transformation": {"vit": self.transformations},
        }

    def terms(self) -> dict[str, Terms]:
        """None: the chapter tests no claim of the paper."""
        return {}


def _read_middle(architecture: Architecture) -> Outputs:
    names = architecture.names()
    return Outputs((names[len(names) // 2],), _keep)


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
