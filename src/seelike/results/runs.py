"""Published runs: which there are, in which order they are shown, what each is and how its numbers are to be read.

A run is a folder of `results` and a description, `book/runs/<run>.yaml`, of the same name: all else follows from them.
Its keys are `order`, `title`, `images`, `tells` (what it can tell), `lacks` (what it cannot) and `readings`: of each
chapter what its numbers say in this run, as Markdown. In all of them `{U1}`, `{U1_verdict}` or `{vit}` stand for what
the chapter's result holds, see `tables.verdicts.phrases_of`; that a text names what the result lacks is an error.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import yaml

from seelike.results import robustness
from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.system.paths import BOOK, RESULTS

OWN = "pocket"  # the run that the book itself makes; its readings are the chapters' own text
PHOTOGRAPHS = "cifar10"  # the run of the same designs, trained by this project on photographs
PLACEHOLDER = re.compile(r"\{(?!(?:term|numref|ref|doc|math)\})(\w+)\}")  # those are roles of MyST


@dataclass(frozen=True)
class Run:
    """What `<name>.yaml` says of a run."""

    name: str
    order: int
    title: str
    images: str
    tells: str
    lacks: str
    readings: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str, phrases: Mapping[str, str]) -> str:
        """One of its texts with what the placeholders stand for. Raises InputError for one that stands for nothing."""
        unknown = [name for name in PLACEHOLDER.findall(text) if name not in phrases]
        if unknown:
            raise InputError(f"book/runs/{self.name}.yaml names {{{unknown[0]}}}, which its results do not hold")
        return PLACEHOLDER.sub(lambda found: phrases[found[1]], text)

    def fill_all(self, phrases: Mapping[str, str]) -> tuple[str, str, str]:
        """Its images, what it tells and what it lacks, likewise."""
        return tuple(self.fill(text, phrases) for text in (self.images, self.tells, self.lacks))


def read_runs() -> dict[str, Run]:
    """Name → description of every run that may be published, in the order in which they are shown.

    Raises InputError, which names the file, for a description that is none.
    """
    runs = [_read(path) for path in (BOOK / "runs").glob("*.yaml")]
    return {run.name: run for run in sorted(runs, key=lambda run: (run.order, run.name))}


def _read(path: Path) -> Run:
    try:
        return _parse(path.stem, path.read_bytes())
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{path.name} describes no run: {' '.join(str(error).split())[:200]}") from None


@cache
def _parse(name: str, content: bytes) -> Run:
    return Run(name, **yaml.safe_load(content.decode()))


def read_published(chapter: str, results_dir: str | Path) -> dict[str, Result]:
    """What is published of a chapter, by run: from `results_dir`, else as it came with the book, else left out.

    Its claims are noted in how many universes they stand, where that is published.
    """
    found = {}
    for run in read_runs():
        if path := _find(run, chapter, results_dir):
            found[run] = _load(path)
            robustness.attach(found[run].claims, read_robustness(run, results_dir))
    return found


def _load(path: Path) -> Result:
    """A result file, parsed and checked once: a page asks for those of all chapters several times.

    What is done to one copy changes no other; values of arrays are shared.
    """
    result = _load_once(path, path.stat().st_mtime_ns)
    measures = {measure: dict(of) for measure, of in result.measures.items()}
    return replace(result, measures=measures, claims=deepcopy(result.claims))


@cache
def _load_once(path: Path, _: int) -> Result:
    return Result.load(path)


def read_robustness(run: str, results_dir: str | Path) -> robustness.Found:
    """The claims of one run in all their universes; none where that is not published."""
    path = _find(run, robustness.NAME, results_dir)
    return robustness.read(path) if path else {}


def _find(run: str, name: str, results_dir: str | Path) -> Path | None:
    places = (Path(folder) / run / f"{name}.json" for folder in (results_dir, RESULTS))
    return next((place for place in places if place.is_file()), None)


def gather(result: Result, results_dir: str | Path) -> dict[str, Result]:
    """A new result, then what is published of its chapter in the other runs."""
    robustness.attach(result.claims, read_robustness(result.profile, results_dir))
    return {result.profile: result} | read_published(result.chapter, results_dir) | {result.profile: result}


def list_profiles() -> list[str]:
    """The profiles that come with the book: those of runs in their order, then all others."""
    known, runs = {path.stem for path in (BOOK / "profiles").glob("*.yaml")}, read_runs()
    return [run for run in runs if run in known] + sorted(known - runs.keys())


def read_profile(profile: str) -> dict:
    """The parameters of a profile that comes with the book."""
    return yaml.safe_load((BOOK / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8"))


def needs_files(values: dict) -> bool:
    """Whether a profile is of weights that only files hold: it says what they are called."""
    return any(name.endswith("_label") for name in values)


def list_others(found: dict[str, Result], result: Result) -> list[Result]:
    """Of what `gather` found the runs that the chapter's own text does not speak of."""
    return [other for run, other in found.items() if run != OWN and other is not result]
