"""Answers to the exercises: one rerun each, kept as soon as it is there, with a parameter that the chapter has."""

import pytest
from handmade import part

from seelike.chapters.prepare import open_unexamined
from seelike.chapters.registry import CHAPTERS
from seelike.execution import exercises as measuring
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.execution.rerun import read_settings
from seelike.results.exercises import Answer, Exercise, read_answers, read_exercises
from seelike.results.results import trace
from seelike.results.runs import OWN, read_published
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS

ASKED = [
    Exercise("uniformity", "Why?", "seed=1", ("U1",)),
    Exercise("uniformity", "How?", "n_images=320", ("U3a",)),
    Exercise("mixer", "When?", "seed=1", ("M2",)),
]

UNANSWERED = [each for each in read_exercises() if each.key not in read_answers(RESULTS)]


@pytest.fixture
def reruns(monkeypatch):
    """Notes chapters and changes instead of measuring; the third rerun fails."""
    noted = []

    def measure(exercise: Exercise, results_dir: str) -> Answer:
        noted.append(exercise.key)
        if exercise.chapter == "mixer":
            raise KeyboardInterrupt
        return Answer.of(exercise, {"U1": part(), "U3a": part()}, trace(0.0, {}, {}, "cpu"))

    monkeypatch.setattr(measuring, "measure_answer", measure)
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


def test_an_answer_is_what_the_chapter_itself_finds(tmp_path):
    """C1 hangs on no image, so that with fewer of them it is what is published."""
    exercise = Exercise("convolution", "Why?", "n_images=32", ("C1",), ("vit_low_data=",))
    answer = measuring.measure_answer(exercise, str(tmp_path))
    published = read_published("convolution", RESULTS)[OWN].claims["C1"]["parts"]["C1"]
    assert answer.parts["C1"].keys() == {"effect", "interval", "verdict"}
    assert answer.parts["C1"]["effect"] == pytest.approx(published["effect"], abs=0.5)  # of a rounding error's size
    assert answer.parts["C1"]["verdict"] == published["verdict"]
    assert list(tmp_path.iterdir()) == []


def test_a_rerun_that_does_not_measure_what_its_exercise_shows_is_refused(tmp_path):
    exercise = Exercise(
        "convolution", "Why?", "kernel_sizes=3", ("C3",), ("n_kernels=2", "patch_sizes=2", "n_images=32")
    )
    with pytest.raises(InputError, match="C3"):
        measuring.measure_answer(exercise, str(tmp_path))


@pytest.mark.parametrize("exercise", UNANSWERED, ids=lambda each: each.command)
def test_a_question_without_an_answer_could_be_measured(exercise, tmp_path):
    """Its parameters are accepted, and models of these roles; what it shows is seen only when it is measured."""
    chapter = CHAPTERS[exercise.chapter]
    run = open_unexamined(chapter, **measuring.read_run(exercise, str(tmp_path)))
    assert run.load_first_random().keys() == set(run.models)


@pytest.mark.parametrize("exercise", read_exercises(), ids=lambda each: each.command)
def test_an_exercise_changes_one_parameter_of_its_chapter_and_leaves_out_others(exercise):
    notebook = find_chapter(exercise.chapter)
    given = read_settings(exercise.settings, "", {exercise.chapter: notebook})[exercise.chapter]
    published = read_parameters(notebook)
    changed = [name for name in given if given[name] != published[name] and name != "profile"]
    assert changed == [setting.partition("=")[0] for setting in exercise.settings]
    assert not any(given[name] for name in changed[1:])
