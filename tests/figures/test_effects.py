"""The figure of claims: intervals, smallest effects, and what is not there."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from handmade import claim, part, result

from seelike.figures.effects import effects


def test_a_panel_a_part_with_reference_smallest_effect_and_marks():
    axes = effects({"pocket": result(), "mine": result(None)})
    assert [ax.get_title(loc="left").partition(":")[0] for ax in axes] == ["U1", "U3a", "U3b"]
    assert list(axes[0].lines[0].get_xdata()) == [0.4, 0.6]
    assert any("not defined" in text.get_text() for text in axes[0].texts)
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["pocket", "mine"]
    assert any(list(line.get_xdata()) == [0.5, 0.5] for line in axes[2].lines)  # the reference of U3b
    shaded = axes[2].patches[0]
    assert shaded.get_x() + shaded.get_width() == pytest.approx(0.4)  # its smallest effect, from below
    assert "✓ holds" in [text.get_text() for text in axes[2].texts]


def test_an_interval_that_covers_trainings_is_solid_and_one_of_images_alone_dashed():
    axes = effects({"one": result(U1=claim("U1", part(), trainings=3)), "other": result(U1=claim("U1", part()))})
    bars = [line for line in axes[0].lines if list(line.get_xdata()) == [0.4, 0.6]]
    assert [bar.get_linestyle() for bar in bars] == ["-", "--"] and bars[0].get_linewidth() > bars[1].get_linewidth()


def test_without_claims_there_is_no_panel():
    before = len(plt.get_fignums())
    assert len(effects({"mine": replace(result(), claims={}), "pocket": result()})) == 0
    assert len(plt.get_fignums()) == before


def test_a_run_without_the_claim_says_so_beside_the_panel():
    axes = effects({"one": result(), "other": result(U1=claim("U1", part()))})
    assert [text.get_text() for text in axes[1].texts][-1] == "not measured"
    assert axes[1].texts[-1].get_position()[0] > 1


def test_marginal_and_fragile_verdicts_bear_their_marks():
    fragile = claim("U1", part(p=0.02)) | {"universes": {"agree": 1, "combinations": 4}}
    others = {id: claim(id, part(verdict="inconclusive", p=0.9)) for id in ("U2", "U3", "U4")}
    axes = effects({"mine": result(profile="mine", U1=fragile, **others)})
    assert "✓ holds †◇" in [text.get_text() for text in axes[0].texts]
    assert not any("†" in text.get_text() for ax in axes[1:] for text in ax.texts)
