"""The order of a page: title, answer, argument, then the fold of what came before the answer; nothing lost."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from seelike.chapters.registry import CHAPTERS
from seelike.results.runs import OWN, read_published
from seelike.site.answer_first import arrange
from seelike.site.unmeasured import leave_out
from seelike.system.paths import BOOK, RESULTS


def code(source: str, *tags: str, printed: str = ""):
    outputs = [new_output("stream", text=printed)] if printed else []
    return new_code_cell(source, metadata={"tags": [*tags]}, outputs=outputs)


def make_page(*cells):
    return new_notebook(cells=[new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells])


@pytest.fixture
def page():
    return make_page(
        "# Title",
        code("find", "install", "remove-cell"),
        "## Parameters\n\nText.",
        code("n = 4", "parameters"),
        code("print(n)", printed="4\n"),
        code("glue(n)", "remove-cell"),
        code("answer", "answer"),
        "## Why",
        "## Provenance\n\nFrom there.",
        "## Rerun it",
    )


def test_the_answer_comes_first_and_what_computed_it_is_folded_before_the_provenance(page):
    title, install, glued, answer, why, fold, provenance, rerun = arrange(page).cells
    assert [cell.source for cell in (title, answer, why)] == ["# Title", "answer", "## Why"]
    assert provenance.source.startswith("## Provenance") and rerun.source == "## Rerun it"
    assert [cell.source for cell in (install, glued)] == ["find", "glue(n)"]  # cells still, which no page shows
    assert fold.cell_type == "markdown" and fold.source.startswith("## How this was computed")
    inside = fold.source.partition("{dropdown}")[2]
    parts = (
        "**Parameters**",
        "Text.",
        "`````python\nn = 4\n`````",
        "`````python\nprint(n)\n`````",
        "`````text\n4\n`````",
    )
    assert [inside.index(part) for part in parts] == sorted(inside.index(part) for part in parts)
    assert "##" not in inside


def test_a_page_without_an_answer_keeps_its_order():
    page = make_page("# Title", code("n = 4", "parameters"), "## Provenance")
    assert [cell.source for cell in arrange(page).cells] == ["# Title", "n = 4", "## Provenance"]


def test_a_page_without_provenance_ends_with_the_fold():
    assert (
        arrange(make_page("# Title", code("n = 4"), code("answer", "answer"), "## Why"))
        .cells[-1]
        .source.startswith("## How this was computed")
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_opens_with_its_question_then_answer_figure_and_a_cell_that_teaches(chapter):
    page = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    cells = arrange(leave_out(page, read_published(chapter, RESULTS)[OWN])).cells
    shown = [cell for cell in cells if "remove-cell" not in cell.metadata.get("tags", [])]
    title, answer, figure, rests, _, teaching = shown[:6]
    assert "**The question.**" in title.source and "answer" in answer.metadata.tags
    assert figure.metadata.mystnb.figure.name and rests.source.startswith("**What it rests on.**")
    assert teaching.metadata.tags == ["teaching"]
    assert sum("teaching" in cell.metadata.get("tags", []) for cell in cells) == 1


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_cell_that_teaches_runs_alone_and_prints_shapes_and_numbers(chapter, capsys):
    cells = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
    (source,) = (cell.source for cell in cells if "teaching" in cell.metadata.get("tags", []))
    exec(source, {})
    assert any(character.isdigit() for character in capsys.readouterr().out)
