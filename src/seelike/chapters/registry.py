"""Every chapter's measuring as one function: what its notebook does between the images and the result.

Used where no page is wanted: `seelike measure`, perhaps by several processes. A test compares with the notebooks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from seelike.chapters import attention_distance as local_and_global
from seelike.chapters import data_scale, localization, methods, mixer, probe_images, skip_connections, uniformity
from seelike.chapters.run import MODELS, Measured, Run

Found = Iterator[Measured] | list[Measured]


@dataclass(frozen=True)
class Chapter:
    """How a chapter is measured: `open` takes a run to what its measures need beside it, perhaps images for probes;
    `trained` and `random` take both to what was found on each set of models. The others are as for `prepare`."""

    trained: Callable[[Run, Any], Found]
    random: Callable[[Run, Any], Found]
    open: Callable[[Run], Any] = lambda run: None
    required: tuple[str, ...] = MODELS
    optional: tuple[str, ...] = ()


def _all(measure_runs: Callable, **options) -> Chapter:
    """A chapter that measures trained models and controls alike."""
    return Chapter(
        lambda run, _: measure_runs(run.load_models(), run),
        lambda run, _: measure_runs(run.load_controls(), run),
        **options,
    )


CHAPTERS = {
    "uniformity": _all(
        lambda loaded, run: uniformity.measure_runs(loaded, run.minibatches, run.parameters["layers"]),
        optional=("vit_small",),
    ),
    "attention_distance": _all(
        lambda loaded, run: local_and_global.measure_runs(loaded, run, run.parameters["n_field_images"]),
        optional=("vit_little",),
    ),
    "skip_connections": _all(skip_connections.measure_runs, optional=skip_connections.CUT),
    "localization": Chapter(
        lambda run, probed: localization.measure(run.load_models(), run, probed, run.parameters["n_attributed"]),
        lambda run, probed: localization.measure(run.load_controls(), run, probed),
        open=probe_images.open_probe_images,
        optional=("vit_gap",),
    ),
    "data_scale": Chapter(
        lambda run, tasks: data_scale.measure(run.load_models(), run, tasks),
        lambda run, tasks: data_scale.measure(run.load_controls(), run, tasks),
        open=data_scale.open_tasks,
        optional=data_scale.OPTIONAL,
    ),
    "mixer": _all(lambda loaded, run: mixer.measure_runs(loaded, run.minibatches), required=mixer.MODELS),
    "methods": Chapter(
        lambda run, _: (methods.measure(models, run) for models in run.load_models()), lambda run, _: []
    ),
}
