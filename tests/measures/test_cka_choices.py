"""The choices behind CKA: the estimators against slow formulas, and what moves them."""

import numpy as np
import pytest
import torch

from seelike.measures import cka, cka_choices


@pytest.fixture
def layers(generator):
    """Two layers of 48 images that share some of what they say."""
    shared = torch.randn(48, 6, generator=generator)
    own = (torch.randn(48, 20, generator=generator) for _ in range(2))
    return [torch.cat([shared, noise], 1) for noise in own]


def biased_cka(x: np.ndarray, y: np.ndarray) -> float:
    """tr(KHLH) of every pair of three, with H written out."""
    h = np.eye(len(x)) - 1 / len(x)
    k, other = (h @ (z @ z.T) @ h for z in (x, y))
    return np.trace(k @ other) / np.sqrt(np.trace(k @ k) * np.trace(other @ other))


def test_one_minibatch_of_all_images_is_the_books_cka(layers):
    accumulator = cka.CKA()
    accumulator.update({name: cka.gram(x) for name, x in zip("xy", layers, strict=True)})
    assert cka_choices.estimate(*layers, 48) == pytest.approx(accumulator.result().values[0, 1])


def test_the_biased_estimate_is_the_textbooks(layers):
    found = cka_choices.estimate(*layers, 48, center=cka_choices.biased_gram)
    assert found == pytest.approx(biased_cka(*(x.double().numpy() for x in layers)), abs=1e-6)


def test_sums_are_divided_once_and_a_short_minibatch_is_dropped(layers):
    parts = [[cka.gram(x[start : start + 20]).flatten() for x in layers] for start in (0, 20)]
    sums = np.sum([[k @ l, k @ k, l @ l] for k, l in parts], 0)  # noqa: E741
    assert cka_choices.estimate(*layers, 20) == pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]))
    ratios = [float(k @ l / (k.norm() * l.norm())) for k, l in parts]  # noqa: E741
    assert cka_choices.estimate(*layers, 20, averaged=True) == pytest.approx(np.mean(ratios))
    assert np.mean(ratios) != pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]), abs=1e-6)


def test_bias_grows_as_minibatches_shrink_and_the_unbiased_estimate_stays(generator):
    x, y = (torch.randn(512, 64, generator=generator) for _ in range(2))
    found = cka_choices.by_size(x, y, generator)["vit_cnn"]
    once, ratios, biased = found.values
    assert np.abs(once).max() < 0.1 and np.abs(ratios).max() < 0.1
    assert (np.diff(biased) < 0).all() and biased[0] > 0.8
    assert found.axes["minibatch"][-1] == 256  # two minibatches at least


def test_what_cka_does_not_see_and_what_it_does(layers, generator):
    array = cka_choices.by_transformation(layers[0], generator)
    found = dict(zip(array.axes["transformation"], array.values, strict=True))
    for same in ("rotated", "scaled by 7", "shifted"):
        assert found[same] == pytest.approx(1, abs=1e-6)
    assert found["each component scaled by 0.1 to 10"] < 0.99
    assert abs(found["images shuffled"]) < 0.2


def test_one_image_far_out_moves_cka_and_one_left_in_place_does_not(layers):
    alone, both = cka_choices.by_outlier(*layers).values
    assert alone[0] == pytest.approx(both[0]) == pytest.approx(cka_choices.estimate(*layers, 48))
    assert abs(alone[-1] - alone[0]) > 0.05


def test_all_features_are_every_draw_alike_and_few_are_not(layers, generator):
    values = cka_choices.by_sampling(*layers, generator).values
    assert np.ptp(values[-1]) < 1e-6 < np.ptp(values[0])
