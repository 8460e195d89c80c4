"""Probes: folds dealt fairly, scores known by hand, a slow oracle, what changes nothing and what does."""

import numpy as np
import pytest
import torch

from seelike.measures import probes
from seelike.measures.probes import PENALTIES, choose_folds, measure_accuracy, measure_r2
from seelike.system.errors import InputError

LABELS = torch.arange(360) % 3


def telling(generator, labels=LABELS, channels=6):
    """Features of which the first channels tell the class, with noise."""
    x = torch.randn(len(labels), channels, generator=generator)
    return x + 3 * torch.nn.functional.one_hot(labels, channels)


def test_folds_are_disjoint_balanced_and_drawn_from_the_seed():
    folds = choose_folds(LABELS, seed=4)
    numbers = torch.cat([torch.cat([fold.train, fold.test]) for fold in folds])
    assert sorted(numbers.tolist()) == list(range(360))
    for fold in folds:
        assert LABELS[fold.train].bincount().tolist() == [10, 10, 10]
        assert LABELS[fold.train[: fold.n_held_out]].bincount().tolist() == [2, 2, 2]
        assert len(fold.test) == 6
    again, other = choose_folds(LABELS, seed=4), choose_folds(LABELS, seed=5)
    assert torch.equal(folds[0].train, again[0].train) and not torch.equal(folds[0].train, other[0].train)


def test_too_few_images_of_a_class_are_refused():
    choose_folds(torch.arange(330) % 3)
    with pytest.raises(InputError, match="n_probe_images .* each at least 110 images .*, not 3 of at least 109"):
        choose_folds(torch.arange(329) % 3)
    with pytest.raises(InputError, match="two classes or more"):
        choose_folds(torch.zeros(500))
    with pytest.raises(InputError, match="n_probe_images"):
        choose_folds(torch.zeros(0))


def test_what_tells_the_class_is_read_and_noise_is_not(generator):
    noise = torch.randn(360, 6, generator=generator)
    sure = torch.nn.functional.one_hot(LABELS, 3).float()
    found = measure_accuracy(
        {"sure": sure, "noise": noise, "constant": torch.ones(360, 4)}, LABELS, choose_folds(LABELS)
    )
    assert found.shape == (10, 3)
    assert (found[:, 0] == 1).all()
    assert found[:, 1].mean() == pytest.approx(1 / 3, abs=0.15)
    assert found[:, 2] == pytest.approx(1 / 3)  # every image is taken for the same class


def test_agrees_with_an_oracle_of_loops(generator):
    labels = LABELS[:66]
    (fold,) = choose_folds(labels, n_draws=1)
    x = torch.stack([telling(generator, labels), torch.randn(66, 6, generator=generator)], 1)
    scores = []
    for position in range(2):
        train, test = x[fold.train, position].double().numpy(), x[fold.test, position].double().numpy()
        test, train = (test - train.mean(0)) / train.std(0), (train - train.mean(0)) / train.std(0)
        signs = np.where(labels[fold.train][:, None] == torch.arange(3), 1.0, -1.0)

        def fit(rows, wanted, penalty):
            middle, center = rows.mean(0), wanted.mean(0)
            square = (rows - middle).T @ (rows - middle) + penalty * np.eye(6)
            weights = np.linalg.inv(square) @ (rows - middle).T @ (wanted - center)
            return lambda new: (new - middle) @ weights + center

        held = [np.square(fit(train[6:], signs[6:], p)(train[:6]) - signs[:6]).sum() for p in PENALTIES]
        answers = fit(train, signs, PENALTIES[int(np.argmin(held))])(test).argmax(1)
        scores.append(np.mean(answers == labels[fold.test].numpy()))
    assert measure_accuracy({"x": x}, labels, [fold])[0, 0] == pytest.approx(np.mean(scores))


def test_several_positions_score_the_mean_of_each_alone(generator):
    x, folds = torch.stack([telling(generator), torch.randn(360, 6, generator=generator)], 1), choose_folds(LABELS)
    alone = [measure_accuracy({"x": x[:, i]}, LABELS, folds) for i in range(2)]
    np.testing.assert_allclose(measure_accuracy({"x": x}, LABELS, folds), np.mean(alone, 0))
    assert alone[0].mean() > alone[1].mean() + 0.3


def test_scale_and_shift_of_a_channel_change_nothing_and_mixing_channels_does(generator):
    x, folds = telling(generator) / 3, choose_folds(LABELS)
    plain = measure_accuracy({"x": x}, LABELS, folds)
    scaled = x * torch.tensor([1, 20, 0.3, 7, 100, 0.01]) + torch.arange(6)
    np.testing.assert_allclose(measure_accuracy({"x": scaled}, LABELS, folds), plain)
    np.testing.assert_allclose(measure_accuracy({"x": x}, 7 - LABELS, folds), plain)  # names of classes
    mixed = x @ torch.randn(6, 6, generator=generator)
    assert not np.allclose(measure_accuracy({"x": mixed}, LABELS, folds), plain)
    shuffled = LABELS[torch.randperm(360, generator=generator)]
    assert measure_accuracy({"x": x}, shuffled, choose_folds(shuffled)).mean() < plain.mean() - 0.1


def test_more_channels_than_images_and_a_dead_one(generator):
    x = telling(generator, channels=50)
    x[:, 20] = 0.1
    assert measure_accuracy({"x": x}, LABELS, choose_folds(LABELS)).mean() > 0.55


def test_numbers_are_read_off_with_an_r2(generator):
    x, folds = torch.randn(360, 4, generator=generator), choose_folds(LABELS)
    linear = x[:, :2] * torch.tensor([3.0, 0.2]) + 10
    found = measure_r2({"x": x, "other": torch.randn(360, 4, generator=generator)}, linear, folds)
    assert found[:, 0].min() > 0.99 and found[:, 1].mean() < 0.1
    np.testing.assert_allclose(measure_r2({"x": x}, 5 * linear.flip(1) - 3, folds)[:, 0], found[:, 0], atol=1e-9)
    half = torch.stack([linear[:, 0], torch.randn(360, generator=generator)], 1)
    assert 0 < measure_r2({"x": x}, half, folds).mean() < 0.6


def test_a_constant_guess_has_an_r2_of_nought(generator):
    targets = torch.randn(360, 1, generator=generator)
    (fold,) = choose_folds(LABELS, n_draws=1)
    on_itself = probes.Fold(fold.train, fold.train, fold.n_held_out)
    assert measure_r2({"constant": torch.ones(360, 2)}, targets, [on_itself]) == pytest.approx(0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_features_that_are_not_finite_are_refused(bad):
    x = torch.ones(360, 2)
    x[5] = bad
    with pytest.raises(InputError, match="features must be finite"):
        measure_accuracy({"x": x}, LABELS, choose_folds(LABELS))
