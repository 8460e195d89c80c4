"""A figure is drawn twice by the same code: wide for a page, narrow for a phone."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from seelike.figures import forms
from seelike.figures.style import use_style


@forms.in_both_forms
def draw(values, axes=None):
    axes = forms.panels(len(values), 2.5, sharey=True) if axes is None else axes
    for ax, value in zip(axes, values, strict=True):
        ax.plot([0, value], label="line")
    forms.label_rows(axes, "height")
    forms.legend_above(axes)
    return axes


def place(ax) -> tuple[int, int]:
    spec = ax.get_subplotspec()
    return spec.rowspan.start, spec.colspan.start


def test_panels_stand_side_by_side_or_below_one_another():
    wide = draw([1, 2, 3])[0].figure
    narrow = forms.draw_narrow(wide)
    assert [place(ax) for ax in wide.axes] == [(0, 0), (0, 1), (0, 2)]
    assert [place(ax) for ax in narrow.axes] == [(0, 0), (1, 0), (2, 0)]
    assert (wide.get_figwidth(), narrow.get_figwidth()) == (forms.WIDE, forms.NARROW)
    assert [ax.get_ylabel() for ax in wide.axes] == ["height", "", ""]
    assert [ax.get_ylabel() for ax in narrow.axes] == ["height"] * 3
    for one, other in zip(wide.axes, narrow.axes, strict=True):
        np.testing.assert_array_equal(one.lines[0].get_ydata(), other.lines[0].get_ydata())


def test_a_grid_is_turned():
    wide = forms.in_both_forms(lambda axes=None: forms.grid(2, 3, 2))()
    narrow = wide[0, 0].figure.draw_again
    assert wide.shape == (2, 3) and place(wide[1, 2]) == (1, 2)
    assert narrow().shape == (2, 3) and not forms.is_narrow()
    assert place(forms.draw_narrow(wide[0, 0].figure).axes[1]) == (0, 1)


def test_the_wide_form_comes_back_after_a_failure():
    figure = draw([1, 2])[0].figure
    figure.draw_again = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        forms.draw_narrow(figure)
    assert not forms.is_narrow() and forms.width_of() == forms.WIDE


@pytest.mark.parametrize("width, needed", [(forms.SMALL, False), (forms.SMALL + 0.1, True)])
def test_a_small_figure_needs_no_narrow_form(width, needed):
    draw_one = forms.in_both_forms(lambda ax=None: plt.subplots(figsize=(forms.width_of(width), 3))[1])
    assert bool(forms.hand_out_narrow(draw_one().figure)) is needed


def test_on_axes_that_are_given_a_figure_has_no_other_form():
    figure, axes = plt.subplots(1, 2)
    draw([1, 2], axes)
    assert forms.draw_narrow(figure) is None and forms.hand_out_narrow(figure) == {}


def test_a_notebook_is_handed_the_narrow_form_and_shows_no_further_figure():
    use_style()
    figure = draw([1, 2])[0].figure
    (svg,) = forms.hand_out_narrow(figure).values()
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) <= 1.03 * 72 * forms.NARROW
    assert plt.get_fignums() == [figure.number]
