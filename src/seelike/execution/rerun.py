"""Rerun chapters with parameters of one's own: one of them, several, or all."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from papermill.exceptions import PapermillExecutionError

from seelike.chapters import rehearsal
from seelike.chapters.registry import CHAPTERS
from seelike.execution import notebook as execute
from seelike.images.photographs import find_folder
from seelike.models.listed import read_listed
from seelike.models.parts import split_part
from seelike.results import reuse
from seelike.results.model_names import SEVERAL
from seelike.system.errors import InputError, nearest
from seelike.system.writable import is_writable

ALL = tuple(CHAPTERS)
RENAMED = {  # parameters as they were called before
    "vit_little": "vit_low_data",
    "vit_cut_low": "vit_noskip_early",
    "vit_cut_middle": "vit_noskip_middle",
    "vit_cut_high": "vit_noskip_late",
    "n_runs": "n_seeds",
}
LONGEST_NAME = 200  # letters of a file's name
OWN = "mine"  # the profile of a run that is not the published one
# What a run is told of the machine it is on; it measures the same without.
PLACES = (*reuse.PLACES, "from_result")


def run(
    chapters: list[str],
    settings: list[str],
    profile: str = "",
    output: str = "",
    again: bool = False,
    dry_run: bool = False,
) -> None:
    """Execute chapters with parameters.

    Args:
        chapters: their names, or "all". Of several, one that was run before with the same parameters, code and weights
            is passed over, so that a run that was stopped goes on at the first chapter not done.
        settings: "name=value" each; unknown names and wrong types are refused. Of several chapters each takes those
            that it has.
        profile: a file of `book/profiles`, or another .yaml file, to take parameters from first, likewise.
        output: where the executed notebook goes, of several chapters a folder; nothing is left there if one fails.
        again: run also what was run before.
        dry_run: only rehearse, with random weights and a few images, and say what the run would take; `output` is then
            a folder for what was found, as JSON, if it is wanted.
    """
    names = list(ALL) if chapters == ["all"] else list(dict.fromkeys(chapters))
    notebooks = {name: execute.find_chapter(name) for name in names}
    given = read_settings(settings, profile, notebooks)
    targets = {name: _find_target(name, output, len(names) > 1 or dry_run) for name in names}
    stamp = cache(stamp_place)  # the same folder is looked through once, not for every chapter
    for name, notebook in notebooks.items():
        if dry_run:
            _rehearse(notebook, given[name], output)
            continue
        key = execute.hash_chapter(notebook, given[name] | {"files": stamp_files(given[name], stamp)})
        if (
            len(names) > 1
            and not again
            and execute.read_key(targets[name]) == key
            and _has_result(notebook, given[name])
        ):
            print(f"{name}: done before, {targets[name]} is kept (--again runs it anew)", flush=True)
            continue
        execute.execute(notebook, targets[name], given[name], key)
        print(f"{name}: {targets[name]}", flush=True)


def stamp_place(place: str) -> list[tuple[str, int, int]]:
    """Path, bytes and time of a file, or of each in a folder."""
    files = sorted(Path(place).rglob("*")) if os.path.isdir(place) else [Path(place)]
    stats = [(file.as_posix(), file.stat()) for file in files if os.path.isfile(file)]
    return [(file, stat.st_size, stat.st_mtime_ns) for file, stat in stats]


def stamp_files(parameters: dict, stamp: Callable[[str], list]) -> dict[str, list]:
    """What tells whether weights or images of the user's have changed: parameter → `stamp` of where they lie."""
    named = {
        name: value for name, value in parameters.items() if name.endswith(("_checkpoint", "data_dir", "_classes"))
    }
    listed = read_listed(parameters.get(SEVERAL, ""))
    named |= {f"{role}_checkpoint": each.file for role, each in listed.items() if each.file}
    return {name: stamp(_find_place(name, os.path.expanduser(value))) for name, value in named.items()}


def _find_place(name: str, value: str) -> str:
    """The file or folder that a parameter names; images that are given no place may be CIFAR-10's."""
    return split_part(value)[0] if name.endswith("_checkpoint") else os.path.expanduser(find_folder(value))


def read_settings(settings: list[str], profile: str, notebooks: dict[str, Path]) -> dict[str, dict]:
    """Chapter → its parameters, from the profile and the command line, as in `run`."""
    defaults = {name: execute.read_parameters(notebook) for name, notebook in notebooks.items()}
    published = execute.read_profile(profile) if profile else {}
    everywhere = {*notebooks.values(), *execute.BOOK.glob("*.ipynb")}  # a profile may be for several chapters
    _check_known(f"profile {profile!r}", published, set().union(*map(execute.read_parameters, everywhere)))
    known = set().union(*defaults.values())
    given = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"-p takes NAME=VALUE, not {setting!r}")
        _check_known(" ".join(notebooks), [name], known)
        given[name] = text
    return {chapter: _choose(published, given, own, chapter) for chapter, own in defaults.items()}


def _check_known(whose: str, names: Iterable[str], known: set[str]) -> None:
    """Refuse a parameter that there is not; one that was renamed is told its name of today."""
    for name in names:
        if name not in known:
            stem = re.sub("_(checkpoint|label)$", "", name)
            today = f"; it is called {name.replace(stem, RENAMED[stem])!r} now" if stem in RENAMED else ""
            raise InputError(f"{whose} has no parameter {name!r}{today or nearest(name, known)}")


def _choose(published: dict, given: dict, defaults: dict, chapter: str) -> dict:
    """A chapter's own parameters among those of the profile and those given."""
    base = {name: value for name, value in published.items() if name in defaults}
    values = base | {name: value for name, value in given.items() if name in defaults}
    values = {name: execute.convert(name, value, defaults[name]) for name, value in values.items()}
    if "profile" in defaults and "profile" not in given and _differ(values, defaults | base):
        values["profile"] = OWN
        print(f"{chapter}: its parameters are not the published ones, so the run is called {OWN!r}", flush=True)
    return values


def _differ(values: dict, published: dict) -> bool:
    """Whether what is measured differs; where models and images lie, and what they are called, does not count.

    Of cue conflicts the file counts by its name: there may be drawings instead.
    """
    return any(
        _name_file(name, value) != _name_file(name, published[name])
        for name, value in values.items()
        if name not in PLACES and not name.endswith(("_checkpoint", "_label"))
    )


def _name_file(name: str, value):
    return Path(value).name if name.startswith("conflicts_") else value


def _find_target(chapter: str, output: str, is_folder: bool) -> Path:
    """Where the executed notebook of a chapter goes."""
    if is_folder and os.path.isfile(output):
        raise InputError(f"--output must be a folder for several chapters or a dry run, not the file {output!r}")
    if not is_folder and output and os.path.isdir(output):
        raise InputError(f"--output must be a file, not the folder {output!r}")
    target = Path(output, f"{chapter}.out.ipynb") if is_folder or not output else Path(output)
    if not is_writable(target.parent) or len(target.name) > LONGEST_NAME:
        raise InputError(f"--output must be where a file can be written, not {str(target)!r}")
    return target


def _has_result(notebook: Path, given: dict) -> bool:
    values = execute.read_parameters(notebook) | given
    return Path(values["results_dir"], values["profile"], f"{notebook.stem}.json").is_file()


def _rehearse(notebook: Path, given: dict, folder: str) -> None:
    if notebook.stem not in ALL:
        raise InputError(f"--dry-run is for the chapters that measure models: {', '.join(ALL)}, not {notebook.stem}")
    with tempfile.TemporaryDirectory() as scratch:
        said = Path(scratch) / f"{notebook.stem}.json"
        os.environ[rehearsal.DRY_RUN] = str(said)
        try:
            execute.execute(notebook, None, given)
        except PapermillExecutionError as error:
            if error.ename != rehearsal.DryRun.__name__:
                raise
        finally:
            del os.environ[rehearsal.DRY_RUN]
        foreseen = json.loads(said.read_text(encoding="utf-8"))
        print(rehearsal.describe(foreseen), flush=True)
        if folder:
            execute.put(said, Path(folder) / said.name)
        rehearsal.check_memory(foreseen)
