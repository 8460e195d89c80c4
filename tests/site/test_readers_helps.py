"""What helps readers: glossary, descriptions of pages, how to cite, and references that can be followed."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

from seelike import __version__
from seelike.execution.rerun import ALL
from seelike.site.answer_first import arrange
from seelike.system.paths import BOOK, REPOSITORY

PAGES = re.findall(r"(?:root|file): (\S+)", (REPOSITORY / "_toc.yml").read_text(encoding="utf-8"))
TERMS = re.findall(
    r"^(\S.*)\n  \S", (BOOK / "glossary.md").read_text(encoding="utf-8").partition("```{glossary}")[2], re.M
)
LINK = re.compile(r"\{term\}`([^`<]+?)(?: <([^>]+)>)?`")
OTHER_SENSE = "fall into two blocks"  # M1 means halves of the Mixer
NO_PROSE = re.compile(r"^#[^\n]*|\{\w+:?\w*\}`[^`]*`|`[^`]*`|\]\([^)]*\)", re.M)


def read_prose(chapter: str) -> str:
    """In the order of the page."""
    page = arrange(nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4))
    return "\n\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def read_description(page: str) -> str:
    if (REPOSITORY / f"{page}.ipynb").is_file():
        return nbformat.read(REPOSITORY / f"{page}.ipynb", as_version=4).metadata.get("description", "")
    head = (REPOSITORY / f"{page}.md").read_text(encoding="utf-8").split("---\n")
    return yaml.safe_load(head[1])["description"] if head[0] == "" else ""


def test_the_glossary_is_in_order_and_defines_each_term_once():
    assert len(TERMS) > 20
    assert sorted(TERMS, key=str.casefold) == TERMS and len(set(TERMS)) == len(TERMS)


@pytest.mark.parametrize("chapter", ALL)
def test_a_term_is_linked_once_and_where_it_first_stands(chapter):
    prose = read_prose(chapter)
    links = list(LINK.finditer(prose))
    named = [link[2] or link[1] for link in links]
    assert set(named) <= set(TERMS) and len(set(named)) == len(named) > 3
    for link in links:
        before = NO_PROSE.sub("", prose[: link.start()]).replace(OTHER_SENSE, "")
        assert not re.search(rf"(?<![\w-]){re.escape(link[1])}(?![\w-])", before, re.I), link[0]


def test_every_page_describes_itself():
    described = {page: read_description(page) for page in PAGES}
    assert all(60 <= len(text) <= 175 for text in described.values()), described
    assert len(set(described.values())) == len(PAGES)


def test_every_reference_can_be_followed():
    entries = (BOOK / "references.bib").read_text(encoding="utf-8").split("\n@")
    assert len(entries) > 10
    for entry in entries:
        assert re.search(r"\n  (doi = \{10\.\d{4,}/\S+\}|url = \{https://\S+\}),?\n", entry), entry


def test_the_book_is_cited_as_its_citation_file_says():
    cite = (BOOK / "cite.md").read_text(encoding="utf-8")
    said = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    own, (paper,) = said["preferred-citation"], said["references"]
    assert said["version"] == own["version"] == __version__ and own["title"] == said["title"]
    for text in (own["title"], own["authors"][0]["name"], str(own["year"]), __version__):
        assert cite.count(text) >= 2, text  # as text and as BibTeX
    for text in (paper["title"], f"10.48550/{paper['identifiers'][0]['value'].replace(':', '.')}"):
        assert cite.count(text) >= 2, text
    assert all(author["family-names"] in cite for author in paper["authors"])
    assert said["license"] in Path(BOOK / "cite.md").read_text(encoding="utf-8").partition("## Licence")[2]


def test_the_paper_is_the_same_in_the_references():
    cite = (BOOK / "cite.md").read_text(encoding="utf-8")
    entry = re.search(r"@inproceedings\{raghu2021vision,.*?\n\}", cite, re.S)[0]
    assert entry in (BOOK / "references.bib").read_text(encoding="utf-8")


def test_a_description_goes_into_the_head_and_to_the_card():
    descriptions = pytest.importorskip("seelike.site.descriptions")
    context = {"meta": {"description": 'What "it" is & does'}, "metatags": ""}
    descriptions.describe(None, "page", "page.html", context, None)
    assert context["metatags"] == '<meta name="description" content="What &quot;it&quot; is &amp; does" />\n'
    assert context["meta"]["og:description"] == 'What "it" is & does'
    bare = {"meta": None, "metatags": ""}
    descriptions.describe(None, "search", "search.html", bare, None)
    assert bare == {"meta": None, "metatags": ""}
