"""The answers to the exercises: each chapter measured again with one parameter changed."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from seelike.execution.measure import measure_chapter
from seelike.results.exercises import Answer, Exercise, read_answers, read_exercises, write_answers
from seelike.results.results import Result
from seelike.system.errors import InputError, nearest


def measure_exercises(results_dir: str, chapters: Sequence[str] = (), again: bool = False) -> Path:
    """Measure what has no answer yet and write `<results_dir>/exercises.json` after each, so that a stop loses none.

    Args:
        results_dir: where results lie.
        chapters: whose exercises; by default all.
        again: measure also what has an answer.

    Raises InputError for a chapter without exercises, or a rerun that does not measure what its exercise shows.
    """
    exercises = read_exercises()
    known = dict.fromkeys(exercise.chapter for exercise in exercises)
    for name in chapters:
        if name not in known:
            raise InputError(f"chapter must be one of {', '.join(known)}, not {name!r}{nearest(name, known)}")
    answers = read_answers(results_dir)
    for exercise in exercises:
        if exercise.chapter in (chapters or known) and (again or exercise.key not in answers):
            answers[exercise.key] = _measure(exercise)
            write_answers(results_dir, answers, exercises)
    return write_answers(results_dir, answers, exercises)


def _measure(exercise: Exercise) -> Answer:
    print(exercise.command, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        written = measure_chapter(exercise.chapter, [exercise.change, f"results_dir={folder}"])
        return Answer.of(exercise, Result.load(written))
