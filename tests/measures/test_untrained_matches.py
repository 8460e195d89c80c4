"""Untrained networks of unequal width: how far chance lifts each measure, and that calibration takes it back."""

import numpy as np
import pytest
import torch

from seelike.measures import untrained_matches
from seelike.measures.cka import CKA, multiply
from seelike.measures.measure_choices import EVERY
from seelike.measures.similarities.shuffled import Shuffled, calibrate
from seelike.measures.untrained_matches import run_untrained, score_matches, score_untrained


def test_of_cka_it_is_what_the_chapters_calibrate_by(generator):
    x = torch.randn(64, 20, generator=generator)
    rows, columns = run_untrained(x, 8, generator), run_untrained(x, 30, generator)
    names = [f"r{i}" for i in range(4)], [f"c{i}" for i in range(4)]
    cka, null = CKA(), Shuffled(*names, n_draws=19)
    for start in (0, 32):
        both = [*rows[:, start : start + 32], *columns[:, start : start + 32]]
        for accumulated in (cka, null):
            accumulated.update(dict(zip([*names[0], *names[1]], map(multiply, both), strict=True)))
    values, tail = cka.result().values[:4, 4:], null.result().tail_of_best()
    expected = values.max(1).mean(), tail.mean(), calibrate(values, tail).max(1).mean()
    assert score_matches(EVERY["cka"], rows, columns, n_draws=19) == pytest.approx(expected, abs=1e-6)


def test_layers_are_those_of_a_network_and_of_their_widths(generator):
    x = torch.randn(10, 20, generator=generator)
    layers = run_untrained(x, 7, generator)
    assert layers.shape == (untrained_matches.DEPTH, 10, 7) and (layers >= 0).all()
    doubled = run_untrained(2 * x, 7, torch.Generator().manual_seed(1))
    np.testing.assert_allclose(doubled, 2 * run_untrained(x, 7, torch.Generator().manual_seed(1)), rtol=1e-5)


def test_chance_lifts_some_measures_the_more_the_wider_and_calibration_leaves_nothing(generator, monkeypatch):
    monkeypatch.setattr(untrained_matches, "WIDTHS", {"narrow": 8, "wide": 128})
    monkeypatch.setattr(untrained_matches, "DEPTH", 2)
    few = torch.randn(128, 4, generator=generator) @ torch.randn(4, 40, generator=generator)  # directions of images
    array = score_untrained(few, generator)
    assert list(array.axes["network"]) == ["narrow", "wide"] and list(array.axes["measure"]) == list(EVERY)
    found = {measure: values[:, 1] for measure, values in zip(EVERY, array.values, strict=True)}  # other images
    for measure in ("biased_cka", "procrustes"):
        (narrow, chance, _), (wide, _, _) = found[measure]
        assert wide > narrow + 0.1 and chance > 0.1
    for measure in ("cka", "rsa", "knn", "rbf_cka"):
        assert np.abs(found[measure][:, 0]).max() < 0.1
    assert all(each[:, 2].max() < 0.1 for each in found.values())
    assert (array.values[:, :, 0, 2] > 0.1).all()  # the same images
