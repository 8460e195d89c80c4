"""A chapter's result without its page: on one process, or on several that `torchrun` starts."""

import os
from contextlib import redirect_stdout
from pathlib import Path

from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.execution import notebook as execute
from seelike.execution import rerun
from seelike.system import memory, processes
from seelike.system.errors import InputError, nearest


def measure_chapter(chapter: str, settings: list[str], profile: str = "") -> Path | None:
    """Measure a chapter and write its result file; its path, or None on processes other than the first.

    Args:
        chapter: its name.
        settings: "name=value" each, the chapter's parameters.
        profile: as for `seelike run`.

    Raises InputError: one sentence that names the parameter and says what is allowed.
    """
    with processes.joined(), memory.explained(chapter), open(os.devnull, "w") as nowhere:
        if processes.is_first():
            return _measure(chapter, settings, profile)
        with redirect_stdout(nowhere):
            return _measure(chapter, settings, profile)


def _measure(name: str, settings: list[str], profile: str) -> Path | None:
    if name not in CHAPTERS:
        raise InputError(f"chapter must be one of {', '.join(CHAPTERS)}, not {name!r}{nearest(name, CHAPTERS)}")
    notebook, chapter = execute.find_chapter(name), CHAPTERS[name]
    given = rerun.read_settings(settings, profile, {name: notebook})[name]
    parameters = execute.read_parameters(notebook) | given
    if parameters.pop("from_result"):
        raise InputError("from_result is for a page that draws from a result; seelike measure makes one")
    results_dir = parameters["results_dir"]
    run = prepare(chapter, **parameters)
    print(run, flush=True)
    found = chapter.measure_all(run)
    return run.record(*found).save(results_dir) if processes.is_first() else None
