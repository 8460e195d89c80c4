"""Answers to the exercises: one rerun each, kept as soon as it is there, with a parameter that the chapter has."""

from pathlib import Path

import pytest
from handmade import result

from seelike.execution import exercises as measuring
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.execution.rerun import read_settings
from seelike.results.exercises import Exercise, read_answers, read_exercises
from seelike.system.errors import InputError

ASKED = [
    Exercise("uniformity", "Why?", "seed=1", ("U1",)),
    Exercise("uniformity", "How?", "n_images=320", ("U3a",)),
    Exercise("mixer", "When?", "seed=1", ("M2",)),
]


@pytest.fixture
def reruns(monkeypatch):
    """Notes chapters and changes instead of measuring; the third rerun fails."""
    noted = []

    def measure(chapter: str, settings: list[str]) -> Path:
        change, place = settings
        noted.append((chapter, change))
        if chapter == "mixer":
            raise KeyboardInterrupt
        return result().save(place.partition("=")[2])

    monkeypatch.setattr(measuring, "measure_chapter", measure)
    monkeypatch.setattr(measuring, "read_exercises", lambda: ASKED)
    return noted


def test_a_stop_keeps_what_was_measured_and_the_next_run_goes_on_there(reruns, tmp_path):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            measuring.measure_exercises(str(tmp_path))
    assert reruns == [each.key for each in ASKED] + [ASKED[2].key]
    assert list(read_answers(tmp_path)) == [each.key for each in ASKED[:2]]


def test_chapters_can_be_chosen_and_measured_again(reruns, tmp_path):
    for again in (False, False, True):
        measuring.measure_exercises(str(tmp_path), ["uniformity"], again)
    assert reruns == [each.key for each in ASKED[:2]] * 2


def test_a_chapter_without_exercises_is_refused(reruns, tmp_path):
    with pytest.raises(InputError, match="uniformity, mixer, not 'mixr'"):
        measuring.measure_exercises(str(tmp_path), ["mixr"])
    assert reruns == []


@pytest.mark.parametrize("exercise", read_exercises(), ids=lambda each: each.command)
def test_an_exercise_changes_one_parameter_of_its_chapter_to_another_value(exercise):
    notebook = find_chapter(exercise.chapter)
    given = read_settings([exercise.change], "", {exercise.chapter: notebook})[exercise.chapter]
    published = read_parameters(notebook)
    assert [name for name in given if given[name] != published[name] and name != "profile"] == [
        exercise.change.partition("=")[0]
    ]
