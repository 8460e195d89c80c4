"""Figures of clusters: what stands where, and that a training that is not there draws nothing."""

import numpy as np
import pytest

from seelike.figures import contrastive_clustering as plots
from seelike.results.labelled_array import LabelledArray


def test_a_row_has_a_dot_a_training_and_a_bar_to_their_mean():
    values = np.array([[[0.2, 0.4], [0.9, 0.9]], [[0.1, np.nan], [0.9, np.nan]]])
    found = LabelledArray({"clusters": ["ResNet", "pixels"], "score": ["NMI", "ARI"], "training": [0, 1]}, values)
    ax = plots.scores(found)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.3, 0.1])
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0.2, 0.4], [0.1]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ResNet", "pixels"] and ax.yaxis_inverted()


def test_every_cue_has_a_bar_in_every_row():
    values = np.arange(6).reshape(2, 3) / 10
    found = LabelledArray({"clusters": ["pixels", "vit"], "cue": ["outline", "texture", "hue"]}, values)
    ax = plots.cues(found, {"vit": "a ViT"})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["pixels", "a ViT, with labels"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(values.T.flatten().tolist())
    heights = [bar.get_y() + bar.get_height() / 2 for bar in ax.patches]
    assert np.round(heights).tolist() == [0, 1] * 3


def test_models_of_other_depth_end_at_the_same_place():
    arrays = {
        "vit": LabelledArray({"block": [0, 1, 2]}, [0.1, 0.2, 0.3]),
        "cnn": LabelledArray({"block": [0, 1]}, [0.3, 0.4]),
    }
    ax = plots.depth(arrays, arrays, {"vit": "a ViT", "cnn": "a CNN"})
    assert [line.get_xdata()[-1] for line in ax.lines] == [1] * 4
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == ["a ViT", "a ViT, random weights"]


def test_gradients_are_shaded_from_the_median_up():
    found = {name: LabelledArray({"step": [50, 100], "percentile": [50, 90]}, [[1, 2], [1, 3]]) for name in ("a", "b")}
    ax = plots.gradients(found)
    assert ax.lines[0].get_ydata().tolist() == [1, 1] and ax.lines[-1].get_xdata() == [50, 50]
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == 3
