"""What a chapter is: the models that it takes, how they are measured, and how that is rehearsed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from seelike.chapters.run import MODELS, Run
from seelike.chapters.verdicts import Measured
from seelike.measures.intervals import Terms
from seelike.results.choices import Choices

Loaded = Iterable[dict[str, nn.Module]]  # the models of every run, by the parameter that names them
COMMON = (
    *("profile", "dataset", "data_dir", "split", "image_size", "geometry", "n_images", "batch_size", "n_seeds", "seed"),
    *("device", "results_dir", "from_result"),
)  # parameters of every chapter
# Some choices, and in every run the terms of those parts of claims that hang on these choices and no other.
Universe = tuple[Choices, list[dict[str, Terms]]]


@dataclass(frozen=True)
class Chapter:
    """How a chapter is measured, as its notebook does it between the images and the result.

    `measure` takes the models of every run to what was found on each; `control` does so with random weights, where that
    is not the same. `rehearse` takes the models of one run and few images to what was found, where `measure` would do
    more than is needed to tell whether they suit; `least_images` are as many as it needs, and of more than
    `most_images` the others are not used. `open` takes a run to what
    its measures need beside it, perhaps images for probes, kept as `run.opened`. `required` and `optional` are the
    parameters that name models; an optional one may be empty, and is left out then. `own` are the chapter's other
    parameters, beside those that all have. `vary` takes the models of every
    run to all universes of the claims, see `results.choices`, but for the choice of images. What hangs
    on nothing but what was opened is left out where nothing was.
    """

    name: str
    measure: Callable[[Loaded, Run], Iterable[Measured]]
    control: Callable[[Loaded, Run], Iterable[Measured]] | None = None
    rehearse: Callable[[dict[str, nn.Module], Run], Measured] | None = None
    open: Callable[[Run], Any] = lambda run: None
    required: tuple[str, ...] = MODELS
    optional: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    least_images: int = 0
    most_images: int | None = None
    vary: Callable[[Loaded, Run], Iterable[Universe]] | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all its parameters: those that all have, of each model its name, file and label, and its own."""
        models = (
            f"{role}{kind}" for role in (*self.required, *self.optional) for kind in ("", "_checkpoint", "_label")
        )
        return (*COMMON, *models, *self.own)

    def measure_all(self, run: Run) -> tuple[list[Measured], list[Measured]]:
        """What was found on the trained models of every run, and on their controls."""
        control = self.control or self.measure
        return list(self.measure(run.load_models(), run)), list(control(run.load_controls(), run))
