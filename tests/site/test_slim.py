"""What the built site goes without: files that no page asks for, and the pages' own notebooks."""

from types import SimpleNamespace

import pytest
from PIL import Image

from seelike.site.slim import NOTEBOOKS, slim


@pytest.fixture
def app(tmp_path):
    """A built site of one page and one picture, and what is left of another."""
    for name in ("_static/scripts/fontawesome.js", "_static/a.css", "_static/a.css.map", "_static/locales/de/x.mo",
                 "_images/shown.svg", "_images/stale.svg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    script = '<script defer src="../_static/scripts/fontawesome.js?digest=1"></script>'
    (tmp_path / "page.html").write_text(f'<p>kept</p>\n  {script}\n<script src="own.js"></script>')
    for folder, text in (("_sources/book", "in the order of the page"), (f"staged/{NOTEBOOKS}", "as it runs")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "page.ipynb").write_text(text)
    builder = SimpleNamespace(format="html", imagedir="_images")
    images = {"a/shown.svg": ({"page"}, "shown.svg")}
    env = SimpleNamespace(images=images)
    return SimpleNamespace(outdir=tmp_path, srcdir=tmp_path / "staged", builder=builder, env=env)


def test_what_no_page_needs_is_gone_and_the_rest_is_there(app):
    slim(app, None)
    left = {path.relative_to(app.outdir).as_posix() for path in app.outdir.rglob("*") if path.is_file()}
    left = {path for path in left if not path.startswith("staged")}
    assert left == {"_static/a.css", "_images/shown.svg", "page.html", "_sources/book/page.ipynb"}
    assert (app.outdir / "page.html").read_text() == '<p>kept</p>\n<script src="own.js"></script>'
    assert (app.outdir / "_sources/book/page.ipynb").read_text() == "as it runs"


def test_pictures_for_other_sites_have_few_colours(app):
    card = app.outdir / "_images" / "social_previews" / "page.png"
    card.parent.mkdir()
    Image.linear_gradient("L").convert("RGB").save(card)
    slim(app, None)
    with Image.open(card) as small:
        assert small.mode == "P" and small.convert("L").tobytes() == Image.linear_gradient("L").tobytes()


def test_a_build_that_failed_or_is_no_site_is_left_as_it_is(app):
    slim(app, RuntimeError())
    app.builder.format = "latex"
    slim(app, None)
    assert (app.outdir / "_images" / "stale.svg").is_file()
