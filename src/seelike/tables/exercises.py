"""Questions for a class with the answers that reruns gave, in Markdown."""

from pathlib import Path

from seelike.results.claims import PARTS
from seelike.results.exercises import Answer, Exercise, read_answers, read_exercises, select_parts
from seelike.results.results import Result
from seelike.results.runs import OWN, read_published
from seelike.system.paths import RESULTS
from seelike.tables.markdown import NO_BREAK, mark, number, table
from seelike.tables.provenance import commit

UNANSWERED = "Not measured yet: the command gives the answer."


def questions(chapter: str, results_dir: str | Path) -> str:
    """Those of a chapter: each with its command and, part by part, what is published beside what the rerun found.

    Answers are looked for in `results_dir` first, then among those that came with the book.
    """
    published = _list_parts(read_published(chapter, results_dir)[OWN])
    answers = read_answers(RESULTS) | read_answers(results_dir)
    asked = [exercise for exercise in read_exercises() if exercise.chapter == chapter]
    told = []
    for i, exercise in enumerate(asked, 1):
        answer = answers.get(exercise.key)
        shown = _compare(exercise, select_parts(exercise, published), answer) if answer else UNANSWERED
        told.append(f"**{i}. {exercise.question}**\n\n```\n{exercise.command}\n```\n\n{shown}")
    return "\n\n".join(told)


def _list_parts(result: Result) -> dict[str, dict]:
    return {part: entry for claim in result.claims.values() for part, entry in claim["parts"].items()}


def _compare(exercise: Exercise, published: dict[str, dict], answer: Answer) -> str:
    lines = [["What is measured", "Published", "Rerun"], ["---"] * 3]
    for part, before in published.items():
        effect = f"**{part}** {PARTS[part].effect} ({PARTS[part].units})"
        lines.append([effect, *(_fold(each) for each in (before, answer.parts[part]))])
    place = f"{answer.seconds:.0f}{NO_BREAK}s on {answer.device}, commit {commit(answer.commit)}"
    return f"{table(lines)}\n\n{place}"


def _fold(part: dict) -> str:
    """Effect, interval and verdict, which on a phone stand below one another."""
    return f"{number(part).replace(NO_BREAK, ' ', 1)} {mark(part['verdict'])}"
