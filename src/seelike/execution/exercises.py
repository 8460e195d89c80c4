"""The answers to the exercises: each chapter measured again with one parameter changed.

An answer is no more than effects with their verdicts, so nothing else is measured: no controls, which take as long as
the trained models do, no rehearsal, no examination of models.
"""

from collections.abc import Sequence
from pathlib import Path

from seelike.chapters.prepare import open_unexamined
from seelike.chapters.registry import CHAPTERS
from seelike.chapters.verdicts import judge_trained
from seelike.execution import notebook as execute
from seelike.execution import rerun
from seelike.results.exercises import Answer, Exercise, read_answers, read_exercises, write_answers
from seelike.results.results import trace
from seelike.system import memory
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
            answers[exercise.key] = measure_answer(exercise, results_dir)
            write_answers(results_dir, answers, exercises)
    return write_answers(results_dir, answers, exercises)


def measure_answer(exercise: Exercise, results_dir: str) -> Answer:
    """What the trained models of a chapter give with one parameter changed.

    Raises InputError for a rerun that does not measure what the exercise shows.
    """
    print(exercise.command, flush=True)
    with memory.explained(exercise.chapter):
        chapter = CHAPTERS[exercise.chapter]
        run = open_unexamined(chapter, **read_run(exercise, results_dir))
        found = judge_trained(list(chapter.measure(run.load_models(), run)), run.names, run.has_resnet)
        return Answer.of(exercise, found, trace(run.started, {}, {}, run.device))


def read_run(exercise: Exercise, results_dir: str) -> dict:
    """All parameters of the rerun of an exercise."""
    notebook = execute.find_chapter(exercise.chapter)
    given = rerun.read_settings([*exercise.settings, f"results_dir={results_dir}"], "", {exercise.chapter: notebook})
    return execute.read_parameters(notebook) | given[exercise.chapter]
