"""The tables of the bundled models have all of them."""

import pytest

from seelike.models import bundled
from seelike.models.recipes import CIFAR10, DESIGNS, FAMILIES, RECIPES
from seelike.tables import pocket as tables


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_budgets_name_every_architecture(family):
    table = tables.budgets(family)
    assert all(f"`{family.name(design)}`" in table for design in DESIGNS)
    assert "| Models |" in table and f"{family.vit.steps:,}" in table


def test_brief_trainings_are_told_from_those_of_the_same_architecture(monkeypatch):
    name = f"{CIFAR10.name('vit')}.cifar10"
    monkeypatch.setattr(bundled, "read_manifest", lambda family: {name: {}, f"{name}_brief": {}})
    rows = tables.budgets(CIFAR10).splitlines()
    assert len(rows) == 4
    named = [row for row in rows if f"`{CIFAR10.name('vit')}` (`_brief`)" in row]
    assert len(named) == 1 and f"| {RECIPES[CIFAR10.name('vit') + '.cifar10_brief'].steps:,} |" in named[0]


def test_the_answer_has_the_accuracies_of_cards():
    found = {"a": (0.914, 0.1), "b": (0.8, 0.125)}
    cards = {name: {"test_accuracy": trained, "initial_accuracy": own} for name, (trained, own) in found.items()}
    said = tables.answer(cards, {"ViT": "a", "ResNet": "b"}, 2_000)
    assert "2,000 test images that none learned from: ViT 91.4%; ResNet 80.0%." in said and said.endswith("12.5%.")


def test_ceilings_cover_every_set_of_cues():
    assert len(tables.ceilings().splitlines()) == 2 + 7
