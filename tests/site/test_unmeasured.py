"""Cells about what was not measured are not on the page."""

import pytest
from handmade import result
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from seelike.site.unmeasured import leave_out


def make_page():
    about = {
        "all": {},
        "U1": {"needs": "U1"},
        "Q9": {"needs": "Q9"},
        "no U1": {"lacks": "U1"},
        "no Q9": {"lacks": "Q9"},
    }
    cells = [new_markdown_cell(text, metadata={"seelike": told}) for text, told in about.items()]
    return new_notebook(cells=[*cells, new_code_cell("plot", metadata={"seelike": {"needs": "cka", "numbers": {}}})])


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        (result(), ["all", "U1", "no Q9", "plot"]),
        (None, ["all", "U1", "Q9", "no U1", "no Q9", "plot"]),
    ],
)
def test_cells_are_left_by_what_the_result_holds(own, shown):
    if own:
        own.measures["cka"] = {}
    assert [cell.source for cell in leave_out(make_page(), own).cells] == shown
