"""The figure of claims: intervals, thresholds, and what is not there."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
from handmade import result

from seelike.figures.effects import effects


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_effects_draw_interval_threshold_and_missing_values():
    axes = effects({"pocket": result(), "mine": result(effect=None, interval=(None, None))})
    assert len(axes) == 2
    drawn = axes[0].lines[0]
    assert list(drawn.get_xdata()) == [0.4, 0.6]
    assert any("not defined" in text.get_text() for text in axes[0].texts)
    assert [t.get_text() for t in axes[0].get_yticklabels()] == [
        "pocket", "pocket, random weights", "mine", "mine, random weights"]  # fmt: skip
    assert any(list(line.get_xdata()) == [0.35, 0.35] for line in axes[1].lines)
