"""The table of contents: as it is written, or with what it lacks."""

import yaml

from seelike.site.contents import complete
from seelike.system.paths import BOOK, REPOSITORY

TEXT = """format: jb-book
root: book/intro
parts:
  - caption: The paper
    chapters:
      - file: book/one  # the first
  - caption: More
    chapters:
      - file: book/two
"""


def test_a_notebook_that_is_not_listed_comes_last_in_the_first_part():
    found = yaml.safe_load(complete(TEXT, ["intro", "new", "one", "two"]))
    assert found["parts"][0]["chapters"] == [{"file": "book/one"}, {"file": "book/new"}]
    del found["parts"][0]["chapters"][1]
    assert found == yaml.safe_load(TEXT)


def test_contents_that_lack_nothing_stay_as_they_are_written():
    assert complete(TEXT, ["intro", "one", "two"]) == TEXT
    assert complete("", ["one"]) == ""


def test_the_book_lists_all_its_notebooks_itself():
    text = (REPOSITORY / "_toc.yml").read_text(encoding="utf-8")
    assert complete(text, sorted(path.stem for path in BOOK.glob("*.ipynb"))) == text
