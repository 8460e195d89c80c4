"""Figures of the Mixer chapter show what the result holds."""

import numpy as np
import pytest

from seelike.figures import mixer as mixer_plots
from seelike.results.labelled_array import LabelledArray


def cka_of(down: str, across: str, value: float, shape=(3, 4), boundaries=None) -> LabelledArray:
    axes = {down: [f"d{i}" for i in range(shape[0])], across: [f"a{i}" for i in range(shape[1])]}
    return LabelledArray(axes, np.full(shape, value), boundaries=boundaries)


def test_the_best_split_is_marked():
    cka = {role: cka_of("layer", "other", 0.5, (3, 3), [1]) for role in ("mixer", "vit", "cnn")}
    axes = mixer_plots.alone(cka)
    assert [ax.get_title() for ax in axes] == ["ViT", "CNN", "Mixer"]
    assert all(len(ax.lines) == 2 and tuple(ax.lines[0].get_ydata()) == (1, 1) for ax in axes)


def test_the_mixer_stands_against_both():
    trained, control = (
        {f"mixer_{other}": cka_of("mixer_layer", f"{other}_layer", value) for other in ("vit", "cnn")}
        for value in (0.3, 0.8)
    )
    axes = mixer_plots.across(trained, control)
    assert [ax.get_title().partition(",")[0] for ax in axes] == ["Mixer against ViT", "Mixer against CNN"] * 2
    assert ["random weights" in ax.get_title() for ax in axes] == [False, False, True, True]
    assert axes[0].get_ylabel().startswith("Mixer layer") and axes[1].get_xlabel().startswith("CNN layer")
    assert [ax.images[0].get_array().mean() for ax in axes] == pytest.approx([0.3, 0.3, 0.8, 0.8])
