"""Before the long work: a chapter's own measures on a few images and random weights.

Whether a model suits a chapter shows in its architecture: in what its blocks return, whether its attention is
accessible, whether its residual sums add up. So every chapter is rehearsed before weights are fetched and all images
measured, and what it refuses it refuses at once. The table of families (`seelike.compatibility.families`) is made by
the same rehearsals.
"""

import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path

from torch import nn
from torch.utils.data import Subset

from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.chapters.verdicts import Measured
from seelike.results.results import peak_mib
from seelike.system import memory, processes
from seelike.system.errors import Degenerate, InputError
from seelike.system.progress import tell

N_IMAGES = 8
OTHERS = "choose a model that passes signals on untrained, such as a ViT or a ResNet"
DRY_RUN = "SEELIKE_DRY_RUN"  # in the environment: the file to say in what a run would take, and stop


class DryRun(Exception):
    """A rehearsal that went well and was all that was asked for."""


def rehearse(chapter: Chapter, run: Run, models: dict[str, nn.Module]) -> Measured:
    """All that a chapter measures, on {parameter: model with random weights} and the first images of the run.

    Raises InputError, which names the parameter, for a model that does not suit the chapter.
    """
    size = min(N_IMAGES, run.parameters["batch_size"])
    n_images = min(math.ceil(_count_images(chapter) / size) * size, len(run.images))
    changed = {"n_images": n_images, "batch_size": size, "n_seeds": 1}
    few = replace(run, images=Subset(run.images.dataset, run.images.indices[:n_images]))
    few.parameters = run.parameters | changed
    try:
        return chapter.rehearse(models, few) if chapter.rehearse else next(iter(chapter.measure([models], few)))
    except Degenerate as error:
        raise InputError(f"{error} with random weights, which the control has; {OTHERS}") from None


def find_dry_run() -> str:
    """The file in which to say what a run would take, where the environment asks for no more; "" otherwise."""
    return os.environ.get(DRY_RUN, "")


def check(chapter: Chapter, run: Run) -> None:
    """Rehearse a run on its own models with random weights, before theirs are fetched.

    Raises InputError as `rehearse` does, and DryRun where the environment asks for no more than this.
    """
    tell(f"{chapter.name}: a rehearsal on a few images, with random weights")
    models = run.load_first_random()
    asked = find_dry_run()
    if asked:
        memory.reset_peak(run.device)
    before = memory.find_used(run.device)
    with processes.alone(), memory.explained(chapter.name):
        rehearse(chapter, run, models)
    if asked:
        started = time.monotonic()
        rehearse(chapter, run, models)  # the second time is that of the work itself
        foreseen = _foresee(chapter, run, models, time.monotonic() - started)
        foreseen |= _foresee_memory(chapter, run, models, before)
        Path(asked).write_text(json.dumps(foreseen), encoding="utf-8")
        raise DryRun


def _foresee(chapter: Chapter, run: Run, models: dict[str, nn.Module], seconds: float) -> dict:
    """What was rehearsed, and what the run would take at that pace; `minutes` are of trained models and controls."""
    n_images, rehearsed = len(run.images), _count_images(chapter)
    sizes = {role: sum(p.numel() for p in model.parameters()) for role, model in models.items()}
    return {
        "chapter": chapter.name,
        "profile": run.parameters["profile"],
        "models": {role: {"name": run.names[0][role], "parameters": sizes[role]} for role in sizes},
        "rehearsed": rehearsed,
        "seconds": round(seconds, 1),
        "peak_mib": peak_mib(),
        "device": run.device,
        "images": n_images,
        "runs": run.n_seeds,
        "minutes": round(seconds / rehearsed * n_images * 2 * run.n_seeds / 60, 1),
    }


def _count_images(chapter: Chapter) -> int:
    return max(N_IMAGES, chapter.least_images)


def _foresee_memory(chapter: Chapter, run: Run, models: dict[str, nn.Module], before: int | None) -> dict:
    """MiB that the run would need and that are free, as far as the system tells; a rough and rather high estimate.

    What the rehearsal took beyond the models grows with the minibatch, in a chapter that keeps all images with them;
    then there are the weights of every training, and once more those of a file while it is read.
    """
    peak, free = memory.find_peak(run.device), memory.find_free(run.device)
    if None in (before, peak, free):
        return {}
    weights = sum(p.numel() * p.element_size() for model in models.values() for p in model.parameters()) / memory.MIB
    size = min(N_IMAGES, run.batch_size)
    grows = max(run.batch_size / size, len(run.images) / _count_images(chapter) if chapter.most_images else 1)
    beyond = (peak - before) * grows + weights * run.n_seeds
    return {"needed_mib": round(before + beyond), "free_mib": before + free}


def check_memory(foreseen: dict) -> None:
    """Refuse, after a dry run, what would need more memory than there is. Raises InputError."""
    needed, free = foreseen.get("needed_mib", 0), foreseen.get("free_mib", 0)
    if needed > free:
        raise InputError(
            f"{foreseen['chapter']} would need about {needed:,} MiB of memory on {foreseen['device']}, where "
            f"{free:,} MiB can be had: {memory.LESS}"
        )


def describe(foreseen: dict) -> str:
    """A dry run's findings in one sentence."""
    room = f", and about {foreseen['needed_mib']:,} MiB of memory" if "needed_mib" in foreseen else ""
    sizes = ", ".join(f"{role} {model['parameters'] / 1e6:.1f} M" for role, model in foreseen["models"].items())
    return (
        f"{foreseen['chapter']} suits these models ({sizes} parameters): rehearsed with random weights on "
        f"{foreseen['rehearsed']} images in {foreseen['seconds']} s on {foreseen['device']}, "
        f"{foreseen['peak_mib']} MiB at most; at this pace {foreseen['images']} images, {foreseen['runs']} training(s) "
        f"and control(s), take about {foreseen['minutes']:.0f} minutes, downloads apart{room}"
    )
