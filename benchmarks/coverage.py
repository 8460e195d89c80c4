"""How often do intervals hold what they should? Every effect of every chapter, on disjoint sets of drawings.

`python benchmarks/coverage.py` measures the first training of the pocket models on 96 sets, drawn from seeds of their
own, with as few minibatches as give an interval. It writes `results/coverage.json`, and leaves what the file has of
chapters that are not named. The truth is the mean over sets: an interval should hold it in 95 of 100 cases. Trainings
cannot be had by the hundred, so that their part is simulated: three of each model, which differ from the true one by
normal numbers with 0, 1 or 4 times the standard deviation that the choice of images makes, and see the same set.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from seelike.chapters.chapter import Chapter
from seelike.chapters.prepare import open_run
from seelike.chapters.probe_images import ProbeImages
from seelike.chapters.registry import CHAPTERS
from seelike.chapters.run import Run
from seelike.execution import notebook
from seelike.images.datasets import DRAWN, Chosen, read_labels
from seelike.images.drawings import Drawings
from seelike.measures.intervals import MIN_DRAWS, Terms, combine
from seelike.measures.probes import choose_folds
from seelike.results import json_text
from seelike.results.claims import CLAIMS
from seelike.system.paths import RESULTS, read_commit
from seelike.system.progress import track

SETS = 96
MINIBATCH = 16
FIRST_SEED = 1000  # of the drawings; the book's own have seed 0
TRAININGS = 3
SPREADS = (0, 1, 4)  # of trainings, in standard deviations by images
JOB = 8  # sets that a process measures at a time
Found = dict[str, list[Terms]]  # part of a claim → its terms on every set


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    claimed = list(dict.fromkeys(claim.chapter for claim in CLAIMS.values()))
    parser.add_argument("chapters", nargs="*", default=claimed, help="(default: all that have claims)")
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS / "coverage.json")
    given = parser.parse_args()
    settings = {"sets": given.sets, "minibatches": MIN_DRAWS, "minibatch": MINIBATCH}
    settings |= {"trainings": TRAININGS, "spreads": list(SPREADS)}
    found, commit = _read_others(given.output, settings), read_commit()
    for name in given.chapters:
        parts = {part: summarize(terms) for part, terms in _share_out(name, given.sets, given.processes).items()}
        found[name] = {"commit": commit, "parts": parts}
        json_text.write(given.output, settings | {"chapters": found})


def _read_others(file: Path, settings: dict) -> dict[str, dict]:
    """What a file has of each chapter, if it was measured with the same settings."""
    old = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return old["chapters"] if old.items() >= settings.items() else {}


def _share_out(name: str, n_sets: int, processes: int) -> Found:
    """The terms of every part of the chapter's claims on so many disjoint sets, measured by several processes."""
    jobs = [range(start, min(start + JOB, n_sets)) for start in range(0, n_sets, JOB)]
    found: Found = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for some in track(pool.map(measure, [name] * len(jobs), jobs), name, len(jobs)):
            for part, terms in some.items():
                found.setdefault(part, []).extend(terms)
    return found


def measure(name: str, sets: range) -> Found:
    """The terms of every part of the chapter's claims on these sets."""
    torch.set_num_threads(1)
    chapter, found = CHAPTERS[name], {}
    with tempfile.TemporaryDirectory() as folder:
        run = _open(chapter, folder)
        models = list(run.load_models())
        for each in _redraw(run, chapter, sets):
            for part, terms in next(iter(chapter.measure(models, each))).terms().items():
                found.setdefault(part, []).append(terms)
    return found


def _open(chapter: Chapter, folder: str) -> Run:
    """A run of the chapter with few images, and one training of each model where no twin is needed."""
    parameters = notebook.read_parameters(notebook.find_chapter(chapter.name))
    few = {"n_images": MIN_DRAWS * MINIBATCH, "batch_size": MINIBATCH, "n_field_images": MIN_DRAWS * MINIBATCH}
    few |= {"n_seeds": 2 if chapter.name == "data_scale" else 1, "n_attributed": 0, "device": "cpu"}
    parameters |= {name: value for name, value in few.items() if name in parameters}
    return open_run(chapter, **parameters | {"results_dir": folder})


def _redraw(run: Run, chapter: Chapter, sets: range) -> Iterator[Run]:
    """The run on one set of drawings after the other; those for probes are other drawings of the same seed."""
    opened = chapter.open(run)
    for number in sets:
        seed = FIRST_SEED + number
        images = _draw(run.parameters["dataset"], seed, "validation", len(run.images))
        yield replace(run, images=images, opened=_redraw_probes(opened, seed))


def _redraw_probes(opened, seed: int):
    if isinstance(opened, dict):
        return {kind: _redraw_probes(each, seed) for kind, each in opened.items()}
    if opened is None:
        return None
    images = _draw(opened.images.dataset.name, seed, "test", len(opened.images))
    labels = read_labels(images)
    return ProbeImages(images, labels, choose_folds(labels, seed=seed), None)


def _draw(name: str, seed: int, split: str, n_images: int) -> Chosen:
    drawings: Drawings = DRAWN[name](split, seed=seed)
    order = torch.randperm(n_images, generator=torch.Generator().manual_seed(seed)).tolist()
    return Chosen(drawings, order, "", [], [])


def summarize(found: list[Terms]) -> dict:
    """Of one part: the share of sets whose interval holds the truth, half its width, and the spread over sets."""
    estimates = [combine({roles: [each] for roles, each in terms.items()}) for terms in found]
    effects = np.array([each.effect for each in estimates])
    truth, spread = effects.mean(), effects.std(ddof=1)
    simulated = {str(factor): _simulate(found, truth, factor * spread) for factor in SPREADS}
    half = np.mean([each.high - each.low for each in estimates]) / 2
    known = {"truth": truth, "spread": spread, "half_width": half, "images": _share(estimates, truth)}
    return known | {"images_and_trainings": simulated}


def _simulate(found: list[Terms], truth: float, spread: float) -> float:
    """The same with several trainings of each model that differ by so much."""
    rng = np.random.default_rng(0)
    estimates = []
    for terms in found:
        trainings = {
            roles: [each + spread * rng.standard_normal() for _ in range(TRAININGS)] for roles, each in terms.items()
        }
        estimates.append(combine(trainings))
    return _share(estimates, truth)


def _share(estimates: list, truth: float) -> float:
    return float(np.mean([each.low <= truth <= each.high for each in estimates]))


if __name__ == "__main__":
    main()
