"""Questions for a class: each changes one parameter and names what answers it; answers are kept as they were found."""

import math
from collections import Counter

import pytest
from handmade import part, result

from seelike.results.claims import CLAIMS, NOT_APPLICABLE, PARTS
from seelike.results.exercises import Answer, Exercise, read_answers, read_exercises, select_parts, write_answers
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS
from seelike.tables import exercises as tables

ASKED = Exercise("uniformity", "Why?", "kernel_sizes=3 5", ("U1", "U3b"), ("cnn=",))
FOUND = {"U1": part(), "U3a": part(), "U3b": part(0.3)}
ABOUT = result().provenance


def test_every_chapter_with_claims_has_three_questions_on_them():
    exercises = read_exercises()
    assert Counter(each.chapter for each in exercises) == dict.fromkeys({c.chapter for c in CLAIMS.values()}, 3)
    assert len({each.key for each in exercises}) == len(exercises)
    for each in exercises:
        assert each.question.endswith((".", "?")) and each.parts
        assert {CLAIMS[part.rstrip("abc")].chapter for part in each.parts} == {each.chapter}


def test_the_command_can_be_typed_as_it_stands():
    assert ASKED.command == "seelike run uniformity -p 'kernel_sizes=3 5' -p cnn="


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "exercises"),
        ("uniformity: [{question: 'Why?', change: a=1}]", "parts"),
        ("uniformity: [{question: 'Why?', change: a=1, parts: [U1], hint: no}]", "hint"),
        ("uniformity: [{question: 'Why?', change: a=1, parts: [U9]}]", "U9"),
        ("- 1", "exercises"),
    ],
)
def test_exercises_that_are_none_are_refused(tmp_path, text, complaint):
    path = tmp_path / "exercises.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_exercises(path)


def test_an_answer_holds_the_parts_that_were_asked_for_and_where_they_are_from():
    answer = Answer.of(ASKED, FOUND, ABOUT)
    assert list(answer.parts) == ["U1", "U3b"] and answer.parts["U3b"]["effect"] == 0.3
    assert answer.key == ASKED.key and answer.device == "cpu" and answer.commit
    with pytest.raises(InputError, match="U2a"):
        select_parts(Exercise("uniformity", "", "a=1", ("U2a",)), FOUND)


def test_answers_are_written_and_read_in_order_and_those_to_no_question_dropped(tmp_path):
    other = Exercise("uniformity", "How?", "seed=1", ("U1",))
    answers = {each.key: Answer.of(each, FOUND, ABOUT) for each in (other, ASKED)}
    write_answers(tmp_path, answers, [ASKED, other])
    read = read_answers(tmp_path)
    assert list(read) == [ASKED.key, other.key]
    assert read[other.key].parts["U1"]["effect"] == 0.5 and read[ASKED.key].commit == answers[ASKED.key].commit
    write_answers(tmp_path, answers, [other])
    assert list(read_answers(tmp_path)) == [other.key]
    assert read_answers(tmp_path / "none") == {}


@pytest.mark.parametrize("text", ["[]", '{"a": {}}', '{"a": {"chapter": "x", "odd": 1}}', "{"])
def test_a_file_without_answers_is_refused(tmp_path, text):
    (tmp_path / "exercises.json").write_text(text)
    with pytest.raises(InputError, match="exercises.json"):
        read_answers(tmp_path)


def test_published_answers_are_to_questions_that_are_asked():
    asked = {each.key: each for each in read_exercises()}
    answers = read_answers(RESULTS)
    assert answers.keys() == asked.keys()
    for key, answer in answers.items():
        assert tuple(answer.parts) == asked[key].parts
        assert not answer.commit.endswith("+")
        for id, found in answer.parts.items():
            bounds = [math.nan if bound is None else bound for bound in found["interval"]]
            without_resnet = answer.change.startswith("cnn=mixer") and CLAIMS[id[:2]].of_resnets
            assert found["verdict"] == (NOT_APPLICABLE if without_resnet else PARTS[id].judge(*bounds)), answer.key


def test_published_answers_are_shown_where_a_folder_has_none(tmp_path):
    for answer in read_answers(RESULTS).values():
        assert answer.commit[:7] in tables.questions(answer.chapter, tmp_path)


def test_a_question_shows_its_answer_beside_what_is_published_or_says_that_it_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "read_exercises", lambda: [ASKED, Exercise("mixer", "Not this", "a=1", ("M2",))])
    monkeypatch.setattr(tables, "read_published", lambda chapter, folder: {"pocket": result()})
    assert tables.questions("uniformity", tmp_path).endswith(tables.UNANSWERED)
    write_answers(
        tmp_path,
        {ASKED.key: Answer.of(ASKED, FOUND | {"U1": part(0.1, "weak")}, ABOUT)},
        [ASKED],
    )
    shown = tables.questions("uniformity", tmp_path).replace("\N{NO-BREAK SPACE}", " ")
    assert "**1. Why?**" in shown and ASKED.command in shown and "Not this" not in shown
    row = next(line for line in shown.splitlines() if line.startswith("| **U1**"))
    assert row.endswith("| 0.50 [0.40, 0.60] ✓ holds | 0.10 [0.00, 0.20] ≈ weak |")
