"""Figures of attention over positions show what the result holds."""

import numpy as np
import pytest

from seelike.figures import spatial_structure as plots
from seelike.results.labelled_array import LabelledArray

POSITIONS = [2, 0, 1, 3]  # of two sets


def scores(values) -> LabelledArray:
    return LabelledArray({"position": POSITIONS, "other": POSITIONS}, values, boundaries=[2, 4])


def test_positions_stand_in_their_places_with_the_number_of_their_set():
    ax = plots.sets(scores(np.eye(4)))
    found = {(text.get_position()): text.get_text() for text in ax.texts}
    assert found == {(0.5, 1.5): "1", (0.5, 0.5): "1", (1.5, 0.5): "2", (1.5, 1.5): "2"}
    assert plots.sets(
        LabelledArray({"position": range(6), "other": range(6)}, np.eye(6), boundaries=[3, 6])
    ).get_xlim() == (0, 3)


def test_scores_are_drawn_on_one_scale_without_the_diagonal():
    axes = plots.association(
        {"learned": scores(np.arange(16.0).reshape(4, 4)), "shuffled": scores(np.full((4, 4), 7.0))}
    )
    learned, shuffled = (ax.images[0] for ax in axes[1:])
    assert learned.get_clim() == shuffled.get_clim() == (1, 14)
    assert np.isnan(np.diag(learned.get_array().filled(np.nan))).all()


def test_the_course_ends_beside_what_shuffled_images_teach():
    learned = LabelledArray({"step": [0, 10]}, [0.0, 0.8])
    ax = plots.course({"learned": learned, "shuffled": LabelledArray({"step": [10]}, [0.1])}, learned)
    assert ax.lines[2].get_xydata().tolist() == [[10, 0.1]] and ax.lines[0].get_ydata().tolist() == [0, 0.8]


def test_both_errors_of_the_second_task_are_drawn():
    arrays = {
        name: LabelledArray({"images": [20, 50]}, [0.2, 0.1]) for name in ("from scratch", "attention taken over")
    }
    assert [line.get_label() for line in plots.transfer(arrays).lines] == list(arrays)


def test_the_middle_position_is_shown_on_the_grid_and_the_share_over_training():
    names = [f"{row}, {column}" for row in range(3) for column in range(4)]
    array = LabelledArray({"patch": names, "other": names}, np.arange(144.0).reshape(12, 12) / 144)
    shares = {
        "trained": LabelledArray({"percent": [1, 100]}, [0.1, 0.3]),
        "untrained": LabelledArray({"percent": [100]}, [0.0]),
    }
    axes = plots.neighbours(array, array, shares)
    np.testing.assert_allclose(axes[0].images[0].get_array(), array.values[6].reshape(3, 4))
    assert axes[2].lines[0].get_ydata().tolist() == [0.1, 0.3] and axes[2].lines[1].get_ydata() == pytest.approx([0.0])


def test_each_training_is_a_dot_at_its_kind_of_attention():
    accuracy = LabelledArray({"attention": ["usual", "uniform"], "training": [1, 2]}, [[0.8, 0.9], [0.3, 0.2]])
    ax = plots.kinds_of_attention(accuracy)
    assert [each.get_xydata().tolist() for each in ax.lines] == [[[0, 0.8], [0, 0.9]], [[1, 0.3], [1, 0.2]]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["usual", "uniform"]


def test_every_bundled_vit_has_a_row_with_a_dot_for_each_training():
    axes = {"model": ["vit.shapes", "vit.shapes_3pct"], "training": [1, 2]}
    found = {"shapes": LabelledArray(axes, [[0.3, 0.4], [0.1, np.nan]])}
    (ax,) = plots.neighbours_of_all(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["vit", "vit_3pct"]
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), [0.1, np.nan])
