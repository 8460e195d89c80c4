"""The staged book: executed where code has changed, whole or not at all."""

from pathlib import Path

import nbformat
import pytest

from seelike.execution.notebook import hash_chapter
from seelike.site import stage
from seelike.site.stage import stage_book


@pytest.fixture
def small_book(tmp_path, monkeypatch):
    """A book of one chapter that writes a result and one overview that reads it."""
    book = tmp_path / "book"
    book.mkdir()
    for name in ("_config.yml", "_toc.yml"):
        (tmp_path / name).touch()
    write_page(book / "toy.ipynb", "Old prose.", 'from pathlib import Path\nPath(results_dir).mkdir(parents=True)\n'
               'Path(results_dir, "found").write_text("1")\nprint(1)')  # fmt: skip
    write_page(
        book / "intro.ipynb", "About.", 'from pathlib import Path\nprint(Path(results_dir, "found").read_text())'
    )
    monkeypatch.setattr("seelike.site.stage.BOOK", book)
    return book


def write_page(path: Path, prose: str, code: str) -> None:
    cells = [nbformat.v4.new_code_cell('results_dir = "results"', metadata={"tags": ["parameters"]}),
             nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def printed(page: Path) -> list[str]:
    return [o.text for c in nbformat.read(page, as_version=4).cells if c.cell_type == "code" for o in c.outputs]


@pytest.mark.kernel
def test_a_change_of_prose_executes_nothing_and_a_change_of_code_does(small_book, tmp_path, capfd):
    stage_book(tmp_path / "_build" / "source")
    first = tmp_path / "_build" / "source" / "book" / "toy.ipynb"
    assert printed(first) == ["1\n"]
    assert "toy: executing" in capfd.readouterr().err
    assert printed(first.with_name("intro.ipynb")) == ["1\n"]
    page = (small_book / "toy.ipynb").read_text()
    (small_book / "toy.ipynb").write_text(page.replace("Old prose.", "New prose."))
    stage_book(tmp_path / "_build" / "source")
    assert "toy: nothing but prose can have changed" in capfd.readouterr().err
    assert "New prose." in first.read_text() and printed(first) == ["1\n"]
    (small_book / "toy.ipynb").write_text(page.replace('write_text(\\"1\\")', 'write_text(\\"2\\")'))
    stage_book(tmp_path / "_build" / "source")
    assert "toy: executing" in capfd.readouterr().err
    assert printed(first.with_name("intro.ipynb")) == ["2\n"]


def test_a_chapter_depends_on_how_often_intervals_hold_the_truth(small_book, tmp_path, monkeypatch):
    monkeypatch.setattr("seelike.tables.coverage.FILE", tmp_path / "coverage.json")
    keys = set()
    for content in ("1", "2", "2"):
        (tmp_path / "coverage.json").write_text(content)
        keys.add(hash_chapter(small_book / "toy.ipynb", {}, stage.find_published()))
    assert len(keys) == 2


def test_chapters_that_took_longer_where_they_were_published_begin_earlier():
    seconds = {notebook.stem: stage._guess_seconds(notebook) for notebook in stage.BOOK.glob("*.ipynb")}
    assert seconds["data_scale"] > seconds["robustness"] > seconds["convolution"] > seconds["intro"] == 0


@pytest.mark.kernel
def test_a_chapter_that_fails_leaves_the_last_book_as_it_was(small_book, tmp_path):
    stage_book(tmp_path / "_build" / "source")
    write_page(small_book / "toy.ipynb", "Prose.", "raise RuntimeError('stop')")
    with pytest.raises(Exception, match="stop"):
        stage_book(tmp_path / "_build" / "source")
    assert printed(tmp_path / "_build" / "source" / "book" / "toy.ipynb") == ["1\n"]
    assert not list((tmp_path / "_build").glob("tmp*"))
