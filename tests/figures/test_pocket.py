"""Figures of the bundled models show what the cards and drawings hold."""

from seelike.figures import pocket
from seelike.figures.forms import draw_narrow
from seelike.images.shapes import Shapes
from seelike.models import bundled
from seelike.models.recipes import SHAPES
from seelike.tables import pocket as tables


def test_drawings_of_every_class():
    ax = pocket.drawings(2)
    assert ax.images[0].get_array().shape == (2 * 56, 10 * 56, 3)
    assert len(ax.get_xticklabels()) == 10


def test_in_narrow_form_a_class_is_a_row():
    ax = draw_narrow(pocket.drawings(2).figure).axes[0]
    assert ax.images[0].get_array().shape == (10 * 56, 2 * 56, 3)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(Shapes.classes)


def test_learning_curves_and_cards_show_every_model():
    manifest = bundled.read_manifest(SHAPES)
    axes = pocket.learning_curves(manifest)
    assert [len([line for line in ax.lines if line.get_label()[0] != "_"]) for ax in axes] == [5, 4, 4]
    curve = manifest["vit_pocket_patch8_56.shapes"]["curve"]
    assert list(axes[0].lines[0].get_ydata()) == curve["accuracy"]
    table = tables.cards({name: card | {"initial_accuracy": 0.123} for name, card in manifest.items()})
    shipped = {name: card for name, card in manifest.items() if "file" in card}
    rows = {card["sha256"][:8]: name for name, card in shipped.items()}
    for line in table.splitlines()[2:]:  # a model has one accuracy, its card's
        card = manifest[rows[line.split("`")[-2]]]
        assert f"| **{card['test_accuracy']:.1%}** | 12.3% |" in line
    assert all(name in table.replace("`<br>`", "") and card["sha256"][:8] in table for name, card in shipped.items())
    assert len(table.splitlines()) == 2 + len(shipped) < 2 + len(manifest)
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_answers_are_shown_below_their_drawings():
    images = Shapes("test")
    chosen, given = {"divided": [3, 11], "all wrong": [4]}, {"ViT": [3] * 12, "CNN": [1] * 12}
    axes = pocket.answers(images, chosen, given)
    assert axes.shape == (2, 2)
    assert axes[0, 0].get_title() == images.classes[3] and axes[0, 0].get_ylabel() == "divided"
    assert axes[0, 0].get_xlabel() == f"ViT: right\nCNN: {images.classes[1]}"
    assert axes[0, 1].get_xlabel() == f"ViT: {images.classes[3]}\nCNN: right"


def test_in_narrow_form_two_answers_stand_beside_each_other():
    given = {"ViT": [3] * 12}
    figure = pocket.answers(Shapes("test"), {"divided": [3, 4, 5], "all wrong": [6]}, given)[0, 0].figure
    shown = [ax for ax in draw_narrow(figure).axes if ax.images]
    places = [(ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start) for ax in shown]
    assert places == [(0, 0), (0, 1), (1, 0), (2, 0)] and shown[3].get_ylabel() == "all wrong"
