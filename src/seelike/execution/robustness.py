"""A run's `robustness.json`: every claim of every chapter under every combination of reasonable choices."""

import os
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path

import torch

from seelike.chapters.chapter import Chapter
from seelike.chapters.parameters import check_parameters, check_results_dir
from seelike.chapters.prepare import open_run
from seelike.chapters.registry import CHAPTERS
from seelike.chapters.robustness import vary
from seelike.chapters.run import Run
from seelike.execution import notebook as execute
from seelike.execution import rerun
from seelike.results import robustness
from seelike.results.claims import CLAIMS
from seelike.results.results import peak_mib, trace
from seelike.results.runs import OWN, read_published
from seelike.system import memory
from seelike.system.errors import InputError, nearest

VARIED = {name: chapter for name, chapter in CHAPTERS.items() if chapter.vary}
AT_ONCE = min(2, os.cpu_count() or 1)  # chapters, each of which may need 1.5 GB


@dataclass(frozen=True)
class Varied:
    """The claims of one chapter in all their universes, and what that was measured on, how long, and with how much."""

    claims: robustness.Found
    traced: dict
    device: str


def measure_robustness(
    profile: str = OWN,
    settings: Sequence[str] = (),
    results_dir: str = "results",
    chapters: Sequence[str] = (),
) -> Path:
    """Measure it, two chapters at a time, each in a process of its own, and write it; its path.

    Args:
        profile: as for `seelike run`; its name is the run's.
        settings: "name=value" each, parameters of chapters.
        results_dir: where results lie.
        chapters: which of them; by default those of which the run has results, or else all. Where some are named, the
            claims of others stay that the file has already; time and memory of the whole are then those of the named.

    Raises InputError: one sentence that names the parameter and says what is allowed.
    """
    started = time.monotonic()
    given = _read_parameters(chapters or _find_chapters(profile, results_dir), profile, settings, results_dir)
    with ProcessPoolExecutor(AT_ONCE, _choose_context(), max_tasks_per_child=1) as pool:
        found = dict(zip(given, pool.map(_measure, given, given.values()), strict=True))
    claims = {claim: robust for each in found.values() for claim, robust in each.claims.items()}
    about = trace(started, {}, {}, " and ".join(dict.fromkeys(each.device for each in found.values())))
    about = {name: value for name, value in about.items() if name not in ("models", "dataset", "peak_mib")}
    about["peak_mib"] = max((each.traced["peak_mib"] or 0 for each in found.values()), default=0) or None
    about["chapters"] = {name: each.traced | {"commit": about["commit"]} for name, each in found.items()}
    run = next(iter(given.values()))["profile"]
    kept, traces = _read_kept(Path(results_dir) / run / f"{robustness.NAME}.json", found) if chapters else ({}, {})
    return robustness.write(results_dir, run, kept | claims, about | {"chapters": traces | about["chapters"]})


def _read_kept(path: Path, measured: Collection[str]) -> tuple[robustness.Found, dict]:
    """What a file, if it is there, says of other chapters than were measured: their claims, and how that was found."""
    if not path.is_file():
        return {}, {}
    claims = {key: each for key, each in robustness.read(path).items() if CLAIMS[key].chapter not in measured}
    traces = robustness.read_traces(path)
    return claims, {name: each for name, each in traces.items() if name not in measured}


def _choose_context() -> BaseContext:
    """How processes start: forked from one that has imported all of this, where a system can do that."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _find_chapters(profile: str, results_dir: str) -> list[str]:
    known = [name for name in VARIED if profile in read_published(name, results_dir)]
    return known or list(VARIED)


def _read_parameters(chapters: Sequence[str], profile: str, settings: Sequence[str], results_dir: str) -> dict:
    """Chapter → its parameters, checked as far as they can be without looking at images and models."""
    for name in chapters:
        if name not in VARIED:
            raise InputError(f"chapter must be one of {', '.join(VARIED)}, not {name!r}{nearest(name, VARIED)}")
    check_results_dir(results_dir)
    notebooks = {name: execute.find_chapter(name) for name in chapters}
    given = rerun.read_settings([*settings, f"results_dir={results_dir}"], profile, notebooks)
    parameters = {name: execute.read_parameters(notebook) | given[name] for name, notebook in notebooks.items()}
    for each in parameters.values():
        check_parameters(each)
    return parameters


def _measure(name: str, parameters: dict) -> Varied:
    """What a process of its own does, on its share of the cores."""
    started = time.monotonic()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // AT_ONCE))
    with memory.explained(name):
        run = _open(VARIED[name], parameters)
        claims, traced = vary(VARIED[name], run)
    spent = {"seconds": round(time.monotonic() - started, 1), "peak_mib": peak_mib()}
    return Varied(claims, traced | spent, run.device)


def _open(chapter: Chapter, parameters: dict) -> Run:
    """A run whose models and images are there, without a rehearsal."""
    run = open_run(chapter, **parameters)
    run.examined = False
    run.opened = chapter.open(run)
    return run
