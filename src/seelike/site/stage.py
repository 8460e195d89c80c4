"""Stage the book: its sources with every chapter executed, its numbers beside it, ready for Jupyter Book."""

import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from seelike.execution import apart, forking
from seelike.execution import notebook as execute
from seelike.results.runs import OWN, read_published
from seelike.site import address, contents
from seelike.site.answer_first import arrange
from seelike.site.run_sections import expand
from seelike.site.slim import NOTEBOOKS
from seelike.site.status import describe_run
from seelike.site.unmeasured import leave_out
from seelike.system import shared_findings
from seelike.system.errors import InputError
from seelike.system.files import write_text
from seelike.system.paths import BOOK, REPOSITORY, RESULTS
from seelike.system.progress import relay
from seelike.tables import coverage

# These read what came before, or what is published of it, and are never kept.
OVERVIEWS = {"scorecard": 1, "intro": 1, "families": 1, "speed": 1, "teach": 1, "status": 2}
UNPUBLISHED = {"library": 20, "pocket": 15}  # page that measures → seconds, about, where no result file tells them
OF_NO_CHAPTER = {*OVERVIEWS, "robustness"}  # they have no results of their own to show


def stage_book(folder: Path) -> None:
    """Lay out the book's sources in `folder`, every chapter executed at its defaults, two at a time.

    A chapter whose code, package, weights and stored results are those of its last execution keeps its
    outputs and only takes the new prose. Pages are in the order of reading, see `answer_first`; the notebooks that they
    offer for download lie beside them as they are. What the chapters found comes to lie in `results` beside `folder`.
    Where the book's address is known, its pages install the package at the commit that is staged.

    Raises InputError outside of a clone.
    """
    if not REPOSITORY:
        raise InputError("the book can only be built in a clone of it; a chapter runs anywhere: seelike run CHAPTER")
    forking.begin()
    from seelike.site.furnish import furnish

    source = address.find_source(BOOK.parent)
    build = folder.parent
    build.mkdir(parents=True, exist_ok=True)
    for made in ("results", "costs"):
        shutil.rmtree(build / made, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=build) as scratch, shared_findings.kept_in(Path(scratch) / "findings"):
        fresh = Path(scratch) / folder.name
        shutil.copytree(BOOK, fresh / "book", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        (fresh / NOTEBOOKS).mkdir()
        notebooks = sorted(BOOK.glob("*.ipynb"))
        shutil.copy(BOOK.parent / "_config.yml", fresh)
        listed = (BOOK.parent / "_toc.yml").read_text(encoding="utf-8")
        write_text(fresh / "_toc.yml", contents.complete(listed, [path.stem for path in notebooks]))
        for notebook, executed in _execute_all(notebooks, build).items():
            found = {} if notebook.stem in OF_NO_CHAPTER else read_published(notebook.stem, build / "results")
            page = arrange(expand(leave_out(_with_outputs(notebook, executed), found.get(OWN)), found))
            for place, each in (("book", page), (NOTEBOOKS, nbformat.read(notebook, as_version=4))):
                nbformat.write(address.pin(each, source) if source else each, fresh / place / notebook.name)
        furnish(fresh, build / "results")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def _execute_all(notebooks: list[Path], build: Path) -> dict[Path, Path]:
    """Each notebook → its executed copy; the overviews after all others. At the first failure no other is begun.

    What takes longest comes first, lest one core wait at the end.
    """
    done, ordered = {}, sorted(notebooks, key=_guess_seconds, reverse=True)
    turns = [[n for n in ordered if OVERVIEWS.get(n.stem, 0) == turn] for turn in range(3)]
    with relay():
        pool = ThreadPoolExecutor(forking.AT_ONCE)
        try:
            for pages in turns:
                done |= zip(pages, pool.map(lambda page: _execute_unless_known(page, build), pages), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def _guess_seconds(notebook: Path) -> float:
    """How long it takes to measure what a page shows; 0 for a page that shows nothing new."""
    published = RESULTS / OWN / f"{notebook.stem}.json"
    if not published.is_file():
        return UNPUBLISHED.get(notebook.stem, 0)
    return json.loads(published.read_text(encoding="utf-8"))["provenance"]["seconds"]


def _execute_unless_known(notebook: Path, build: Path) -> Path:
    """The executed notebook, from `build/executed/<name>/<key>`, where its results lie too."""
    store = build / "executed" / notebook.stem
    known = store / execute.hash_chapter(notebook, {}, find_published())
    executed = known / notebook.name
    if notebook.stem in OVERVIEWS or not executed.is_file():
        print(f"{notebook.stem}: executing", file=sys.stderr, flush=True)
        shutil.rmtree(store, ignore_errors=True)
        results = build / "results" if notebook.stem in OVERVIEWS else known / "results"
        places = {"results_dir": str(results), "costs_dir": str(build / "costs")}
        takes = execute.read_parameters(notebook)
        execute_apart(notebook, executed, {name: place for name, place in places.items() if name in takes})
    else:
        print(f"{notebook.stem}: nothing but prose can have changed, keeping its outputs", file=sys.stderr)
    if (known / "results").is_dir():
        shutil.copytree(known / "results", build / "results", dirs_exist_ok=True)
    (build / "costs").mkdir(exist_ok=True)
    (build / "costs" / f"{notebook.stem}.json").write_text(json.dumps(read_cost(executed)), encoding="utf-8")
    return executed


def find_published() -> tuple[Path, ...]:
    """What is published, and said of it; the book's own run, too, since all claims of a run tell which are marginal."""
    return (*sorted(folder for folder in RESULTS.iterdir() if folder.is_dir()), coverage.FILE, BOOK / "runs")


def _with_outputs(notebook: Path, executed: Path) -> nbformat.NotebookNode:
    """The notebook as it is now, with the outputs of its last execution."""
    page = nbformat.read(notebook, as_version=4)
    ran = [cell for cell in nbformat.read(executed, as_version=4).cells if cell.cell_type == "code"]
    ran = [cell for cell in ran if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell, done in zip((c for c in page.cells if c.cell_type == "code"), ran, strict=True):
        cell.outputs = done.outputs
    return page


def execute_apart(notebook: Path, target: Path, parameters: dict[str, str]) -> None:
    """Execute a notebook in a process of its own, on its share of the cores; what it refuses is a RuntimeError.

    The executed notebook bears what that took, see `read_cost`.
    """
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / notebook.name
        began, fork = time.monotonic(), forking.CAN_FORK and execute.needs_torch(notebook)
        peak = forking.do_apart(apart.execute, notebook, executed, parameters, fork, fork=fork)
        execute.note(executed, {"cost": describe_run(time.monotonic() - began, peak)})
        execute.put(executed, target)


def read_cost(executed: Path) -> dict:
    """What the execution of a chapter of the built book took, where and of which commit; empty where not noted."""
    return nbformat.read(executed, as_version=4).metadata.get("seelike", {}).get("cost", {})
