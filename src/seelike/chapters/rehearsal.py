"""Before the long work: a chapter's own measures on a few images and random weights.

Whether a model suits a chapter shows in its architecture: in what its blocks put out, whether its attention lies open,
whether its residual sums add up. So every chapter is rehearsed before weights are fetched and all images measured, and
what it refuses it refuses at once. The table of families (`seelike.compatibility.families`) is made by the same
rehearsals.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.chapters import attention_distance as local_and_global
from seelike.chapters import data_scale, localization, methods, mixer, skip_connections, uniformity
from seelike.chapters.probe_images import ProbeImages
from seelike.chapters.run import Measured, Run, find_dry_run
from seelike.measures.probes import Fold
from seelike.results.results import peak_mib
from seelike.system import processes
from seelike.system.errors import Degenerate, InputError

N_IMAGES = 8
OTHERS = "choose a model that passes signals on untrained, such as a ViT or a ResNet"
LEAST = {"methods": 2 * N_IMAGES}  # images, where a chapter needs more

# Chapter → its measures of {parameter: model} on a run's images.
CHAPTERS: dict[str, Callable[[dict[str, nn.Module], Run], Measured]] = {
    "uniformity": lambda models, run: uniformity.measure(models, run.minibatches(models), run.parameters["layers"]),
    "attention_distance": lambda models, run: local_and_global.measure(models, run, n_field_images=1),
    "skip_connections": skip_connections.measure,
    "localization": lambda models, run: next(localization.measure([models], run, _probe_images(run))),
    "data_scale": lambda models, run: next(data_scale.measure([models], run, {"probe": _probe_images(run)})),
    "mixer": lambda models, run: mixer.measure(models, run.minibatches(models)),
    "methods": methods.measure,
}


class DryRun(Exception):
    """A rehearsal that went well and was all that was asked for."""


def rehearse(run: Run, models: dict[str, nn.Module]) -> Measured:
    """All that the run's chapter measures, on {parameter: model with random weights} and the first images of the run.

    Raises InputError, which names the parameter, for a model that does not suit the chapter.
    """
    n_images = min(LEAST.get(run.chapter, N_IMAGES), len(run.images))
    changed = {"n_images": n_images, "batch_size": min(N_IMAGES, run.parameters["batch_size"]), "n_runs": 1}
    few = replace(run, images=Subset(run.images.dataset, run.images.indices[:n_images]))
    few.parameters = run.parameters | changed
    try:
        return CHAPTERS[run.chapter](models, few)
    except Degenerate as error:
        raise InputError(f"{error} with random weights, which the control has; {OTHERS}") from None


def check(run: Run) -> None:
    """Rehearse a run on its own models with random weights, before theirs are fetched.

    Raises InputError as `rehearse` does, and DryRun where the environment asks for no more than this.
    """
    models = run.load_first_random()
    with processes.alone():
        rehearse(run, models)
    asked = find_dry_run()
    if asked:
        started = time.monotonic()
        rehearse(run, models)  # the second time is that of the work itself
        Path(asked).write_text(json.dumps(_foresee(run, models, time.monotonic() - started)), encoding="utf-8")
        raise DryRun


def _foresee(run: Run, models: dict[str, nn.Module], seconds: float) -> dict:
    """What was rehearsed, and what the run would take at that pace; `minutes` are of trained models and controls."""
    n_images, rehearsed = run.parameters["n_images"], LEAST.get(run.chapter, N_IMAGES)
    sizes = {which: sum(p.numel() for p in model.parameters()) for which, model in models.items()}
    return {
        "chapter": run.chapter,
        "profile": run.parameters["profile"],
        "models": {which: {"name": run.parameters[which], "parameters": sizes[which]} for which in sizes},
        "rehearsed": rehearsed,
        "seconds": round(seconds, 1),
        "peak_mib": peak_mib(),
        "device": run.device,
        "images": n_images,
        "runs": run.n_runs,
        "minutes": round(seconds / rehearsed * n_images * 2 * run.n_runs / 60, 1),
    }


def describe(foreseen: dict) -> str:
    """A dry run's findings in one sentence."""
    sizes = ", ".join(f"{which} {model['parameters'] / 1e6:.1f} M" for which, model in foreseen["models"].items())
    return (
        f"{foreseen['chapter']} suits these models ({sizes} parameters): rehearsed with random weights on "
        f"{foreseen['rehearsed']} images in {foreseen['seconds']} s on {foreseen['device']}, "
        f"{foreseen['peak_mib']} MiB at most; at this pace {foreseen['images']} images, {foreseen['runs']} training(s) "
        f"and control(s), take about {foreseen['minutes']:.0f} minutes, downloads apart"
    )


def _probe_images(run: Run) -> ProbeImages:
    """The images of a rehearsal as probes want them, in two classes that are nothing but even and odd."""
    numbers = torch.arange(len(run.images))
    half = len(numbers) // 2
    return ProbeImages(run.images, numbers % 2, [Fold(numbers[:half], numbers[half:], n_held_out=half // 2)], None)
