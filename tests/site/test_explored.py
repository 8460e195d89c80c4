"""While Sphinx builds, a process measures the files of "Look for yourself"; in the end they lie beside the pages."""

import sys
from types import SimpleNamespace

import pytest
from sphinx.errors import ExtensionError

from seelike.site import explored
from seelike.site.places import SOURCES


@pytest.fixture
def app(tmp_path):
    """A staged book with the page, and where its site is to lie."""
    (tmp_path / "source" / "book").mkdir(parents=True)
    for name in (explored.PAGE, SOURCES):
        (tmp_path / "source" / name).touch()
    places = {"srcdir": tmp_path / "source", "outdir": tmp_path / "html"}
    return SimpleNamespace(builder=SimpleNamespace(format="html"), **places)


def measure(monkeypatch, code: str) -> None:
    monkeypatch.setattr(explored, "COMMAND", (sys.executable, "-c", f"import pathlib, sys, time\n{code}"))


MADE = "made = pathlib.Path(sys.argv[1], 'explorer', 'key')\nmade.mkdir(parents=True)\n"


def test_what_was_measured_beside_the_build_comes_to_lie_in_the_site(app, monkeypatch):
    measure(monkeypatch, f"{MADE}(made / 'index.json').write_text('found')\nprint(made)")
    explored.begin(app)
    assert not app.outdir.exists()
    explored.finish(app, None)
    assert (app.outdir / "explorer" / "index.json").read_text() == "found"


def test_what_cannot_be_measured_stops_the_build(app, monkeypatch):
    measure(monkeypatch, "raise SystemExit(3)")
    explored.begin(app)
    with pytest.raises(ExtensionError, match="explorer.md could not be measured"):
        explored.finish(app, None)


def test_a_build_that_failed_waits_for_nothing(app, monkeypatch):
    measure(monkeypatch, "time.sleep(600)")
    explored.begin(app)
    explored.finish(app, ValueError())
    assert app.exploring.returncode != 0 and not app.outdir.exists()


@pytest.mark.parametrize("missing", [explored.PAGE, SOURCES])
def test_a_book_without_the_page_and_one_that_was_not_staged_get_no_files(app, missing):
    (app.srcdir / missing).unlink()
    explored.begin(app)
    explored.finish(app, None)
    assert app.exploring is None and not app.outdir.exists()


def test_other_builders_measure_nothing(app):
    app.builder.format = ""
    explored.begin(app)
    assert app.exploring is None
