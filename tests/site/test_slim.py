"""What the built site goes without: files that no page asks for, and the outputs of notebooks to download."""

from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from seelike.site.slim import slim


@pytest.fixture
def app(tmp_path):
    """A built site of one page and one picture, and what is left of another."""
    for name in ("_static/scripts/fontawesome.js", "_static/a.css", "_static/a.css.map", "_static/locales/de/x.mo",
                 "_images/shown.svg", "_images/stale.svg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    script = '<script defer src="../_static/scripts/fontawesome.js?digest=1"></script>'
    (tmp_path / "page.html").write_text(f'<p>kept</p>\n  {script}\n<script src="own.js"></script>')
    (tmp_path / "_sources").mkdir()
    cell = new_code_cell("1", outputs=[new_output("stream", text="1")], execution_count=1)
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "_sources" / "page.ipynb")
    builder = SimpleNamespace(format="html", imagedir="_images")
    images = {"a/shown.svg": ({"page"}, "shown.svg")}
    return SimpleNamespace(outdir=tmp_path, builder=builder, env=SimpleNamespace(images=images))


def test_what_no_page_needs_is_gone_and_the_rest_is_there(app):
    slim(app, None)
    left = {path.relative_to(app.outdir).as_posix() for path in app.outdir.rglob("*") if path.is_file()}
    assert left == {"_static/a.css", "_images/shown.svg", "page.html", "_sources/page.ipynb"}
    assert (app.outdir / "page.html").read_text() == '<p>kept</p>\n<script src="own.js"></script>'
    (cell,) = nbformat.read(app.outdir / "_sources" / "page.ipynb", as_version=4).cells
    assert cell.source == "1" and cell.outputs == [] and cell.execution_count is None


def test_a_build_that_failed_or_is_no_site_is_left_as_it_is(app):
    slim(app, RuntimeError())
    app.builder.format = "latex"
    slim(app, None)
    assert (app.outdir / "_images" / "stale.svg").is_file()
