"""What each measure sees: estimates against those of the measures alone, and changes whose effect is known."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from seelike.measures import measure_choices
from seelike.measures.cka_choices import biased_gram, estimate
from seelike.measures.measure_choices import EVERY, bend, compare_by_every, move, rotate_to_components


@pytest.fixture
def layer(generator):
    """128 images in 30 directions of falling variance."""
    return torch.randn(128, 30, generator=generator) * torch.logspace(0, -1.5, 30) + 3


def of(array, measure: str) -> dict:
    axis = list(array.axes)[1]
    return dict(zip(array.axes[axis], array.values[array.axes["measure"].index(measure)], strict=True))


def test_cka_is_the_books_and_the_biased_one_the_textbooks(layer, generator):
    other = torch.randn(128, 5, generator=generator)
    other[:, :2] += layer[:, :2]
    found = dict(zip(EVERY, compare_by_every(layer, other), strict=True))
    assert found["cka"] == pytest.approx(estimate(layer, other, 64), abs=1e-5)
    assert found["biased_cka"] == pytest.approx(estimate(layer, other, 64, center=biased_gram), abs=1e-5)
    few = dict(zip(EVERY, compare_by_every(layer[:40], other[:40]), strict=True))
    assert few["cka"] == pytest.approx(estimate(layer[:40], other[:40], 40), abs=1e-5)


def test_components_are_the_layer_in_other_coordinates(layer):
    z = rotate_to_components(layer.double())
    assert z.shape == (128, 30)
    assert pdist(z) == pytest.approx(pdist(layer), rel=1e-5)
    assert (z.T @ z - torch.diag((z**2).sum(0))).abs().max() < 1e-9


def test_all_measures_are_blind_to_rotation_scale_and_shift_and_to_nothing_else(layer, generator):
    array = measure_choices.by_change(rotate_to_components(layer), generator)
    for measure in EVERY:
        found = of(array, measure)
        seen = {change for change, value in found.items() if value < 1 - 1e-6}
        blind = {"rotated", "scaled by 7", "shifted"}
        ranks = {"all distances raised to the power 0.2"} if measure in ("rsa", "knn") else set()
        assert found.keys() - seen == blind | ranks, measure


def test_distances_are_bent_in_their_order(layer):
    assert pdist(bend(rotate_to_components(layer))) == pytest.approx(pdist(layer) ** 0.2, rel=1e-3)


def test_images_that_move_together_move_by_units_of_their_own_spread_and_leave_the_rest_as_it_is(layer):
    moved = move(layer, torch.tensor([3, 5]), 2)
    assert torch.equal(moved[:, :-1], layer)
    spread = (layer - layer.mean(0)).square().sum(1).mean().sqrt()
    assert moved[:, -1].nonzero().flatten().tolist() == [3, 5]
    assert moved[3, -1] == pytest.approx(2 * spread.item())


def test_the_further_they_move_the_less_alike_except_to_what_looks_at_neighbours(layer, generator):
    array = measure_choices.by_translation(rotate_to_components(layer), generator)
    for measure in EVERY:
        values = np.array([*of(array, measure).values()])
        assert values[0] == pytest.approx(1) and values[-1] < 0.6
    assert of(array, "cka")[8] < 0.2 < of(array, "knn")[8] == pytest.approx(of(array, "knn")[4])


def test_of_shares_and_of_noise_only_the_biased_and_procrustes_leave_something(layer, generator):
    shares = measure_choices.by_share(rotate_to_components(layer), generator)
    widths = measure_choices.by_width(generator)
    for measure in EVERY:
        lifted = measure in ("biased_cka", "procrustes")
        assert of(shares, measure)[0.0] == pytest.approx(1)
        assert (of(shares, measure)[1.0] > 0.1) == lifted
        assert (of(widths, measure)[1024] > 0.1) == lifted
        assert (np.diff([*of(shares, measure).values()]) < 0.05).all()


def test_pooling_is_blind_to_where_and_flattening_to_an_order_that_all_images_share(generator):
    x, y = torch.randn(64, 9, 8, generator=generator), torch.randn(64, 4, 5, generator=generator)
    flattened, pooled = measure_choices.by_position(x, y, generator).values.T
    assert flattened[1:] == pytest.approx([1, flattened[2]]) and flattened[2] < 0.5
    assert pooled[1:] == pytest.approx([1, 1])
    assert flattened[0] == pytest.approx(estimate(x.flatten(1), y.flatten(1), 64), abs=1e-5)
    assert pooled[0] == pytest.approx(estimate(x.mean(1), y.mean(1), 64), abs=1e-5)
