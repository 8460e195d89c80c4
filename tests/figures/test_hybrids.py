"""Figures of systems: a panel a system, places on their row, arrows beyond the scale, heatmaps and lines for all."""

import numpy as np
import pytest

from seelike.figures import hybrids as plots
from seelike.figures.palette import COLORS
from seelike.results.labelled_array import LabelledArray
from seelike.tables.hybrids import TRAITS

MINE, OTHER = "vtcc_pocket_56.tag", "swin_tiny=random"
NAN = [np.nan] * 3
PLACES = [[1.0, 0.8, 1.2], [0.5, -3.0, 4.0], NAN, [5.0, 4.0, 6.0], NAN, [0.2, np.nan, np.nan]]


def place(values=PLACES) -> LabelledArray:
    return LabelledArray({"trait": list(TRAITS), "value": ["place", "low", "high"]}, values)


def make_measures(*systems: str) -> dict:
    said = LabelledArray({"reason": ["it has no stages"]}, [2])
    return {
        "place": {system: place() for system in systems},
        "place_random": {system: place([[0.1, 0.0, 0.2]] * 6) for system in systems},
        "unmeasured": {systems[0]: said},
        "twin_place": {"vit": LabelledArray({"value": ["place"]}, [0.78])},
    }


def markers(ax, kind: str) -> list[tuple[float, float]]:
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.lines if line.get_marker() == kind]


def test_a_panel_for_each_system_has_a_disc_where_it_stands_and_an_arrow_where_it_lies_beyond():
    axes = plots.places(make_measures(MINE, OTHER))
    assert [ax.get_title() for ax in axes] == ["VTCC", "swin_tiny, random weights"]
    discs = dict((round(row + 0.14), x) for x, row in markers(axes[0], "o") if row >= -0.14)
    assert discs[1] == 0.5 and discs[5] == 0.2
    (arrow,) = markers(axes[0], ">")
    assert arrow[0] < axes[0].get_xlim()[1] and round(arrow[1] + 0.14) == 3
    assert len(markers(axes[0], "D")) == len(TRAITS)
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["CNN", "ViT"]


def test_intervals_end_at_the_scale():
    ax = plots.places(make_measures(MINE))[0]
    ends = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2]
    assert all(ax.get_xlim()[0] <= low <= high <= ax.get_xlim()[1] for low, high in ends)


def test_rows_without_a_place_say_why_and_twins_are_rings():
    ax = plots.places(make_measures(MINE))[0]
    said = {round(text.get_position()[1] + 0.14): text.get_text() for text in ax.texts}
    assert said == {2: "not measured", 4: "the ends do not differ"}
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert [(line.get_xdata()[0], line.get_color()) for line in rings] == [(0.78, COLORS["vit"])]


def test_panels_beyond_the_last_system_are_not_shown():
    axes = plots.places(make_measures(*(f"model{i}" for i in range(4))))
    assert [ax.get_visible() for ax in axes] == [True] * 4 + [False] * 2


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        (["a.x", "b=random"], ["a", "b, random weights"]),
        (["a.x", "a.y", "c=w.safetensors"], ["a.x", "a.y", "c"]),
        (["hlg_pocket_56.dense_shapes", "hlg_s.x", "vtcc_pocket_56=random"], ["HLG", "hlg_s", "VTCC, random weights"]),
        (["hlg_pocket_56.a", "hlg_pocket_local_56.b"], ["hlg_pocket_56.a", "hlg_pocket_local_56.b"]),
    ],
)
def test_names_are_as_short_as_they_can_be(roles, names):
    assert list(plots.name_systems(roles).values()) == names


def cka(*shape: int) -> LabelledArray:
    return LabelledArray({"layer": range(shape[0]), "other": range(shape[1])}, np.full(shape, 0.5))


def make_similarities(*systems: str) -> dict:
    found = {"vit": cka(3, 3), "cnn": cka(4, 4), "vit_cnn": cka(3, 4)}
    for system in systems:
        found |= {system: cka(2, 2), f"{system}_vit": cka(2, 3), f"{system}_cnn": cka(2, 4)}
    return found


def test_heatmaps_are_all_that_there_are_in_their_order():
    found = make_similarities(MINE, OTHER)
    axes = plots.similarities(found)
    assert axes.shape == (3, 3)
    shapes = [ax.images[0].get_array().shape for ax in axes.ravel()]
    assert shapes == [array.values.shape for array in found.values()]
    assert [ax.get_title() for ax in axes[0]] == ["ViT", "CNN", "ViT against CNN"]


def test_lines_end_at_one_place_and_random_weights_are_dashed():
    line = LabelledArray({"layer": [0, 1, 2]}, [0.1, 0.2, 0.3])
    best = LabelledArray({"readout": ["CLS"], "block": [0, 1]}, [[0.5, 0.6]])
    measures = {
        "cka": make_similarities(MINE),
        "norm_ratio": {"vit": line, MINE: line},
        "norm_ratio_random": {"vit": line},
    }
    measures |= {"localization_score": {"vit": line}, "probe_accuracy": {"vit": best, "cnn": best}}
    ratio, _, accuracy = plots.depths(measures)
    assert [each.get_linestyle() for each in ratio.lines] == ["-", "-", "--"]
    assert {each.get_xdata()[-1] for ax in (ratio, accuracy) for each in ax.lines} == {1}
    assert ratio.get_yscale() == "log"
