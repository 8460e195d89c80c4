"""The scorecard to sort and filter: each cell tells its verdict, leads to its figure and knows its place."""

import base64
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from handmade import FOUND, claim, part

from seelike.figures.palette import ON_VERDICT, VERDICTS
from seelike.results.claims import CLAIMS
from seelike.results.scorecard import gather
from seelike.system.paths import BOOK, RESULTS
from seelike.tables import grid
from seelike.tables.grid import MISSING, UNTRAINED


def test_a_row_has_a_cell_for_every_column_and_only_measured_claims_have_rows():
    shown = grid.show(FOUND)
    rows = re.findall(r'<tr data-chapter="(\w+)"><th scope="row">.*?</th>(.*?)</tr>', shown)
    assert len(rows) == len({id for claims in FOUND.values() for id in claims})
    assert {cells.count("<td") for _, cells in rows} == {len(FOUND) + 2} == {shown.count('<th scope="col"') - 1}
    assert re.findall(r'data-run="([^"]*)"', shown) == ["pocket", UNTRAINED, "pretrained"]


def test_cells_tell_verdict_place_and_figure():
    cells = grid.fill(CLAIMS["U1"], FOUND)
    assert (cells["pocket"].verdict, cells["pretrained"].verdict, cells[UNTRAINED].verdict) == (
        "holds", "reversed", "holds"
    )  # fmt: skip
    assert cells["pocket"].order > cells["pretrained"].order
    assert cells["pocket"].link == "uniformity.html#fig-uniformity-effects" == cells[UNTRAINED].link
    assert cells["pretrained"].link == "uniformity.html#fig-uniformity-pretrained"
    assert f'<td data-order="-1">{MISSING}</td>' in grid.show(FOUND)


def test_a_verdict_bears_its_marks_and_how_many_analyses_give_it():
    fragile = claim("U1", part()) | {"universes": {"agree": 20, "combinations": 48}}
    cells = grid.fill(CLAIMS["U1"], {"pocket": {"U1": fragile}})
    assert cells["pocket"].text == "✓◇ holds" and cells[UNTRAINED].text == "? inconclusive"
    assert cells["pocket, all analyses"].text == "20 of 48" and cells["pocket, all analyses"].order == 0.417
    assert cells["pocket, all analyses"].link == "robustness.html#fig-robustness-uniformity"
    assert "pocket, all analyses" not in grid.list_columns(FOUND)
    shown = grid.show({"pocket": {"U1": fragile}})
    below = '<span class="analyses"><a href="robustness.html#fig-robustness-uniformity">20 of 48</a></span></td>'
    assert below in shown and "all analyses</th>" not in shown
    assert f'data-order="{cells["pocket"].order + 0.417:g}"' in shown


def test_the_links_to_curves_lead_to_figures_of_the_page():
    page = (BOOK / "robustness.ipynb").read_text(encoding="utf-8")
    found = gather(RESULTS, CLAIMS)
    varied = [CLAIMS[id] for id, entry in found["pocket"].items() if "universes" in entry]
    links = {grid.fill(each, found)["pocket, all analyses"].link for each in varied}
    assert links and all(f'"name": "{link.partition("#")[2]}"' in page for link in links)


def test_the_table_as_csv_says_the_same():
    address = re.search(r'href="data:text/csv;base64,([^"]+)"', grid.show(FOUND))[1]
    table = pd.read_csv(io.BytesIO(base64.b64decode(address))).set_index("claim")
    assert table.loc["U1", "text"] == CLAIMS["U1"].text and table.loc["U1", "source"] == CLAIMS["U1"].source
    assert table.loc["U1", ["pocket", "pretrained"]].tolist() == ["holds", "reversed"]
    assert table.loc["S6", "pocket"] == MISSING


class Open(HTMLParser):
    """Tags that are open; raises AssertionError where another is closed."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.tags.pop() == tag


@pytest.mark.parametrize("found", [FOUND, {"pocket": {}}, {}])
def test_it_is_sound_html_even_without_claims(found):
    reader = Open()
    reader.feed(grid.show(found))
    assert reader.tags == []


def test_verdicts_have_the_colours_of_the_figures():
    rules = (BOOK / "_static" / "pages.css").read_text()
    for verdict, colour in VERDICTS.items():
        assert f'[data-verdict="{verdict}"] .verdict {{ background: {colour.lower()}; }}' in rules
    assert f"color: {ON_VERDICT}; }}" in rules
