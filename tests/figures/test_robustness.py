"""Specification curves: effects in order, signs by verdict, strokes for the options of each universe."""

import numpy as np
import pytest
from handmade import ROBUST, universe
from matplotlib.colors import to_rgba

from seelike.figures.palette import VERDICTS
from seelike.figures.robustness import curves
from seelike.results.robustness import Robust


def points(ax, verdict: str) -> list[float]:
    """The heights at which the painted inside of a curve of three universes shows the sign of a verdict."""
    (picture,) = ax.images
    left, right, bottom, top = picture.get_extent()
    own = (picture.get_array() == np.rint(255 * np.array(to_rgba(VERDICTS[verdict])))).all(-1)
    columns = [int((place - left) / (right - left) * own.shape[1]) for place in range(3)]
    rows = [own[:, column].nonzero()[0] for column in columns]
    return [top - (each.mean() + 0.5) / len(own) * (top - bottom) for each in rows if len(each)]


def test_effects_rise_and_bear_the_sign_of_their_verdict():
    axes = curves({"pocket": {"U1": ROBUST}}, "uniformity")
    assert axes.shape == (1, 2)
    curve = axes[0, 0]
    assert points(curve, "weak") == pytest.approx([0.1], abs=0.01)
    assert points(curve, "holds") == pytest.approx([0.4, 0.5], abs=0.01) and points(curve, "reversed") == []
    assert points(curve, "weak")[0] > curve.get_ylim()[0] and points(curve, "holds")[1] < curve.get_ylim()[1]
    assert "2 of 3" in curve.get_title(loc="left") and "fragile" in curve.get_title(loc="left")
    assert [line.get_xdata()[0] for line in curve.lines if line.get_linestyle() == ":"] == [2]  # the published one


def test_every_option_has_a_row_of_bars_over_its_universes():
    below = curves({"pocket": {"U1": ROBUST}}, "uniformity")[0, 1]
    labels = [label.get_text() for label in below.get_yticklabels()]
    assert labels[:2] == ["measure: cka", "measure: rsa"]
    (picture,) = below.images
    drawn = ~np.ma.getmaskarray(picture.get_array())
    assert drawn[1].tolist() == drawn[2].tolist() == [False, True, True]  # cka, of effects in their order
    assert drawn[5].tolist() == [True, False, False] and not drawn[[0, 3, 4, 7]].any()
    assert picture.get_extent() == [-0.5, 2.5, len(labels) - 0.5, -0.5]
    assert below.get_ylim()[0] > below.get_ylim()[1]  # the first option stands at the top, in every column


def test_two_runs_stand_beside_each_other_and_the_next_below():
    found = {run: {"U1": ROBUST} for run in ("pocket", "cifar10", "public")} | {"none": {}}
    axes = curves(found, "uniformity")
    assert [ax.get_title(loc="left").split(":")[0] for ax in axes[:, 0]] == ["U1 pocket", "U1 cifar10", "U1 public"]
    first, second, third = (ax.get_position() for ax in axes[:, 0])
    assert first.x0 < second.x0 and first.y0 == second.y0 and third.x0 == first.x0 and third.y1 < first.y0
    assert [bool(ax.get_yticklabels()[0].get_text()) for ax in axes[:, 1]] == [True, False, True]


def test_a_claim_that_a_run_lacks_or_that_does_not_apply_has_no_panel():
    fixed = Robust(ROBUST.published, (universe("not applicable", None),))
    axes = curves({"pocket": {"U1": ROBUST, "U2": fixed}, "public": {"U1": fixed}}, "uniformity")
    assert [ax.get_title(loc="left").split(":")[0] for ax in axes[:, 0]] == ["U1 pocket"]


def test_without_a_run_nothing_is_drawn():
    assert curves({}, "uniformity").size == 0
