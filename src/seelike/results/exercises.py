"""Questions for a class and their answers: a chapter measured again with one parameter changed.

The questions stand in `book/exercises.yaml`, chapter by chapter; what the reruns found, in `results/exercises.json`.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from seelike.results import json_text
from seelike.results.claims import PARTS
from seelike.system.errors import InputError
from seelike.system.paths import BOOK

NAME = "exercises.json"


@dataclass(frozen=True)
class Exercise:
    """A question on a chapter; `change` is the one parameter, as NAME=VALUE, `parts` those of claims that answer it.

    `without` are parameters, likewise, that leave out what these parts do not hang on, so that the rerun takes less.
    """

    chapter: str
    question: str
    change: str
    parts: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """All parameters that the rerun is given, as NAME=VALUE."""
        return self.change, *self.without

    @property
    def command(self) -> str:
        """What a reader types."""
        return " ".join([f"seelike run {self.chapter}", *(f"-p {shlex.quote(each)}" for each in self.settings)])

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.chapter, self.change


@dataclass(frozen=True)
class Answer:
    """What the rerun of an exercise found, effect, interval and verdict of parts of claims, and where it comes from."""

    chapter: str
    change: str
    parts: dict[str, dict]
    commit: str | None
    version: str
    seconds: float
    device: str

    @property
    def key(self) -> tuple[str, str]:
        """That of its exercise."""
        return self.chapter, self.change

    @classmethod
    def of(cls, exercise: Exercise, found: Mapping[str, dict], provenance: Mapping) -> "Answer":
        """From what the rerun found of parts of claims. Raises InputError for one that it has not measured."""
        about = {name: provenance[name] for name in ("commit", "version", "seconds", "device")}
        return cls(*exercise.key, select_parts(exercise, found), **about)


def select_parts(exercise: Exercise, known: Mapping[str, dict]) -> dict[str, dict]:
    """Of the entries of parts of claims those that answer an exercise. Raises InputError if one is missing."""
    missing = [part for part in exercise.parts if part not in known]
    if missing:
        raise InputError(f"book/exercises.yaml: {exercise.command} does not measure {', '.join(missing)}")
    return {part: known[part] for part in exercise.parts}


def read_exercises(path: Path | None = None) -> list[Exercise]:
    """All exercises, in their order. Raises InputError for one that lacks a key, or names parts of no claim."""
    path = path or BOOK / "exercises.yaml"
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        exercises = [_make(chapter, **each) for chapter, listed in read.items() for each in listed]
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise InputError(f"{path.name} lists no exercises: {' '.join(str(error).split())[:200]}") from None
    for each in exercises:
        if unknown := [part for part in each.parts if part not in PARTS]:
            raise InputError(f"{path.name}: parts of {each.chapter} must be those of claims, not {', '.join(unknown)}")
    return exercises


def _make(chapter: str, question: str, change: str, parts: list[str], without: Sequence[str] = ()) -> Exercise:
    return Exercise(chapter, question, change, tuple(parts), tuple(without))


def read_answers(results_dir: str | Path) -> dict[tuple[str, str], Answer]:
    """Key of an exercise → its answer; empty where none was measured. Raises InputError for a file that holds none."""
    path = Path(results_dir) / NAME
    if not path.is_file():
        return {}
    try:
        found = [Answer(**each) for each in json_text.read(path, "answers to exercises").values()]
    except (AttributeError, TypeError) as error:
        raise InputError(f"{path} holds no answers to exercises: {error}") from None
    return {answer.key: answer for answer in found}


def write_answers(results_dir: str | Path, answers: Mapping[tuple, Answer], order: Iterable[Exercise]) -> Path:
    """Write the answers to the exercises that there are, in their order; others are dropped."""
    kept = {exercise.command: asdict(answers[exercise.key]) for exercise in order if exercise.key in answers}
    return json_text.write(Path(results_dir) / NAME, kept)
