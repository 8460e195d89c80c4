"""The tables of the bundled models have all of them."""

import pytest

from seelike.models.recipes import DESIGNS, FAMILIES
from seelike.tables import pocket as tables


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_budgets_name_every_architecture(family):
    table = tables.budgets(family)
    assert all(f"`{family.name(design)}`" in table for design in DESIGNS)
    assert "| Models |" in table and f"{family.vit.steps:,}" in table


def test_ceilings_cover_every_set_of_cues():
    assert len(tables.ceilings().splitlines()) == 2 + 7
