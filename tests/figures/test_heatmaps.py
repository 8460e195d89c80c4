"""Figures show what the result holds, on the axes they are given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from seelike.figures import heatmaps as plots
from seelike.models import bundled, recipes
from seelike.results.results import Result
from seelike.tables import verdicts as tables


def entry(n: int, m: int, names=("layer", "other"), **more) -> dict:
    axes = dict(zip(names, ([f"l{i}" for i in range(k)] for k in (n, m)), strict=True))
    return {"axes": axes, "values": np.random.default_rng(0).random((n, m)), **more}


def result(effect=0.5, interval=(0.4, 0.6)) -> Result:
    claim = {"effect": effect, "interval": list(interval), "control": -0.2, "control_interval": [-0.3, 0.1],
             "verdict": "holds", "control_verdict": "open"}  # fmt: skip
    provenance = {"models": {"vit": {"name": "v"}, "cnn": {"name": "c"}}, "dataset": {"images": 2048},
                  "seconds": 3.2, "peak_mib": 900}  # fmt: skip
    return Result("uniformity", "pocket", {"batch_size": 64}, provenance, {}, {"U1": claim, "U3": claim})


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_heatmap_shows_the_values_input_at_the_lower_left():
    shown = entry(4, 6, ("vit_layer", "cnn_layer"))
    own = plt.subplots()[1]
    ax = plots.similarity(shown, "title", own)
    assert ax is own
    np.testing.assert_array_equal(ax.collections[0].get_array().reshape(4, 6), shown["values"])
    assert ax.collections[0].get_clim() == (0, 1)
    assert ax.get_ylim() == (0, 4) and ax.get_xlim() == (0, 6)
    assert ax.get_ylabel().startswith("ViT layer") and ax.get_xlabel().startswith("CNN layer")


def test_stage_lines_are_drawn_where_stages_end():
    ax = plots.similarity(entry(6, 6, stage_ends=[2, 5]))
    assert [line.get_ydata()[0] for line in ax.lines[::2]] == [2, 5]


def test_the_three_heatmaps_share_one_colorbar():
    cka = {"vit": entry(3, 3), "cnn": entry(5, 5), "vit_cnn": entry(3, 5, ("vit_layer", "cnn_layer"))}
    axes = plots.uniformity(cka)
    assert [ax.get_title() for ax in axes] == ["ViT", "CNN", "ViT against CNN"]
    assert len(axes[0].figure.axes) == 4


def test_effects_draw_interval_threshold_and_missing_values():
    axes = plots.effects({"pocket": result(), "mine": result(effect=None, interval=(None, None))})
    assert len(axes) == 2
    drawn = axes[0].lines[0]
    assert list(drawn.get_xdata()) == [0.4, 0.6]
    assert any("not defined" in text.get_text() for text in axes[0].texts)
    assert [t.get_text() for t in axes[0].get_yticklabels()] == [
        "pocket", "pocket, random weights", "mine", "mine, random weights"]  # fmt: skip
    assert any(list(line.get_xdata()) == [0.35, 0.35] for line in axes[1].lines)


def test_tables_say_what_the_result_says():
    table = tables.verdicts({"pocket": result(), "mine": result(effect=None, interval=(None, None))})
    table = table.replace(tables.NO_BREAK, " ")
    assert "**0.50 [0.40, 0.60]** **✓ holds**<br>untrained: −0.20 [−0.30, 0.10] ○ open" in table
    assert "not defined" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_phrases_are_complete():
    found = tables.phrases({"pocket": result()})
    assert found["pocket_U1"].replace(tables.NO_BREAK, " ") == "0.50 [0.40, 0.60]"
    assert found["pocket_U1_verdict"] == "holds"
    assert found["U3_threshold"] == "0.35"
    assert found["pocket_images"] == "2,048"


def test_budgets_name_every_architecture():
    table = tables.budgets()
    assert all(f"`{name}`" in table for name in bundled.ARCHITECTURES)
    assert "| Models |" in table and f"{recipes.FULL.steps:,}" in table


def test_ceilings_cover_every_set_of_cues():
    assert len(tables.ceilings().splitlines()) == 2 + 7


@pytest.mark.parametrize(
    ("effect", "low", "high", "text"),
    [
        (0.3284, 0.3221, 0.3399, "0.33 [0.32, 0.34]"),
        (-0.5, -0.61, -0.42, "−0.50 [−0.61, −0.42]"),
        (0.0011, 0.0003, 0.0021, "0.001 [0.000, 0.002]"),
        (0.05, 0.004, 0.1, "0.050 [0.004, 0.100]"),
        (0.0, 0.0, 0.0, "0.000 [0.000, 0.000]"),
        (-0.0001, None, None, "0.00"),
    ],
)
def test_numbers_show_their_sign(effect, low, high, text):
    entry = {"effect": effect, "interval": [low, high]}
    assert tables.number(entry).replace(tables.NO_BREAK, " ") == text
