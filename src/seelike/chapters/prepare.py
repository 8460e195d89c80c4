"""A chapter made ready: its parameters and images checked, and all of it rehearsed, before any long work."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seelike.chapters import rehearsal
from seelike.chapters.chapter import Chapter
from seelike.chapters.parameters import check_parameters, check_results_dir
from seelike.chapters.run import OWN, Run
from seelike.images import datasets
from seelike.models import bundled
from seelike.models import loading as models
from seelike.models.listed import check_listed
from seelike.models.names import check_weights
from seelike.models.spellings import find_current
from seelike.results import reuse
from seelike.results.model_names import SEVERAL
from seelike.results.runs import read_published
from seelike.system import processes
from seelike.system.device import choose_device
from seelike.system.errors import InputError, nearest


def prepare_page(chapter: Chapter, variables: Mapping[str, Any]) -> Run:
    """`prepare` with the chapter's parameters as a notebook's variables hold them, `globals()`; all others are left.

    Raises InputError for a parameter that no variable is called like, and as `prepare` does.
    """
    missing = [name for name in chapter.parameters if name not in variables]
    if missing:
        raise InputError(f"{missing[0]} must be set in the notebook's cell of parameters: it is one of {chapter.name}")
    return prepare(chapter, **{name: variables[name] for name in chapter.parameters})


def prepare(chapter: Chapter, results_dir: str, from_result: str = "", **parameters) -> Run:
    """Check every parameter of a chapter, and every image to be used, then rehearse it, before any weights are fetched.

    `from_result` is a result file of these very parameters, to be taken instead of measuring; "" for none.

    Raises InputError: one sentence that names the parameter and says what is allowed; also for a model that does not
    suit the chapter.
    """
    run = open_run(chapter, results_dir, from_result, **parameters)
    run.opened = chapter.open(run)
    if not from_result:
        rehearsal.check(chapter, run)
    return run


def open_unexamined(chapter: Chapter, **parameters) -> Run:
    """A run of which models and images are there, without a rehearsal, and whose models will not be examined."""
    run = open_run(chapter, **parameters)
    run.examined = False
    run.opened = chapter.open(run)
    return run


def open_run(chapter: Chapter, results_dir: str, from_result: str = "", **parameters) -> Run:
    """The same without a rehearsal, and without what the chapter opens beside its images."""
    started = time.monotonic()
    check_parameters(parameters | {"from_result": from_result})
    check_results_dir(results_dir)
    named = (*chapter.required, *(role for role in chapter.optional if parameters[role]))
    renamed = _find_renamed(parameters[role] for role in named)
    for role in named:
        parameters[role] = bundled.complete(renamed.get(parameters[role], parameters[role]))
        own = (parameters.get(f"{role}_{kind}", "") for kind in ("checkpoint", "label"))
        models.check_model(role, parameters[role], *own)
    systems = check_listed(parameters[SEVERAL]) if SEVERAL in chapter.parameters else {}
    if systems:
        parameters[SEVERAL] = " ".join(each.word for each in systems.values())
    if parameters["geometry"] not in (*named, OWN):
        guess = nearest(parameters["geometry"], [*named, OWN])
        raise InputError(f"geometry must be one of {', '.join([*named, OWN])}, not {parameters['geometry']!r}{guess}")
    device = choose_device(parameters["device"])
    images = datasets.open_images(parameters["dataset"], parameters["data_dir"], parameters["split"])
    if not rehearsal.find_dry_run():
        for role in named:
            if not parameters.get(f"{role}_checkpoint"):
                check_weights(role, parameters[role])
        for each in systems.values():
            if not each.weights:
                check_weights(SEVERAL, each.name)
    n_used = _count_used(chapter, parameters["n_images"], parameters["batch_size"])
    chosen = datasets.choose(images, parameters["n_images"], parameters["seed"], n_used=n_used)
    read_published(chapter.name, results_dir)  # a damaged file there would be noticed only at the end
    told = {"renamed": renamed, "from_result": from_result, "systems": systems}
    run = Run(chapter.name, parameters, chosen, device, started, (*named, *systems), **told)
    _check_share(len(chosen), run.batch_size)
    if from_result:
        reuse.read(from_result, chapter.name, run.portable_parameters(), {"dataset": {"sha256": chosen.sha256}})
    return run


def open_others(run: Run) -> Run:
    """The same run, with as many other images, none of which it has, and nothing opened beside them.

    Raises InputError, which names the parameter, where there are not so many.
    """
    seed, n_images = run.parameters["seed"], len(run.images)
    images = datasets.choose(run.images.dataset, n_images, seed, without=run.images.indices)
    return replace(run, images=images, opened=None, other_images={}, labelled=[])


def _find_renamed(names: Iterable[str]) -> dict[str, str]:
    """Of models' names those that timm has changed → as they are now."""
    return {name: now for name in names if (now := find_current(name)) != name}


def _count_used(chapter: Chapter, n_images: int, batch_size: int) -> int:
    """How many of the images asked for are measured: no more than the chapter takes, in full minibatches."""
    most = min(n_images, chapter.most_images or n_images)
    return most - most % min(batch_size, most)


def _check_share(n_images: int, batch_size: int) -> None:
    """Refuse a run in which some process would have no minibatch."""
    if n_images // batch_size < processes.count():
        raise InputError(
            f"n_images must fill at least one minibatch for each of the {processes.count()} processes, "
            f"{processes.count() * batch_size}, not {n_images}"
        )
