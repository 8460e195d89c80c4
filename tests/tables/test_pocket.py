"""The tables of the bundled models have all of them."""

from seelike.models import bundled, recipes
from seelike.tables import pocket as tables


def test_budgets_name_every_architecture():
    table = tables.budgets()
    assert all(f"`{name}`" in table for name in bundled.ARCHITECTURES)
    assert "| Models |" in table and f"{recipes.DRAWINGS.steps:,}" in table


def test_ceilings_cover_every_set_of_cues():
    assert len(tables.ceilings().splitlines()) == 2 + 7
