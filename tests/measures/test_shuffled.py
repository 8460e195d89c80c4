"""Shuffled images: all orders by hand, exact moments, both kinds of shuffling, and what is calibrated."""

from itertools import permutations

import numpy as np
import pytest
import torch

from seelike.measures.cka import CKA, gram, multiply
from seelike.measures.intervals import estimate
from seelike.measures.similarities import shuffled
from seelike.measures.similarities.shuffled import Null, Shuffled, calibrate, shuffle, upper_tail
from seelike.system.errors import InputError


def draw(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cka_of(*minibatches: dict[str, torch.Tensor]) -> np.ndarray:
    accumulated = CKA()
    for layers in minibatches:
        accumulated.update({name: gram(x) for name, x in layers.items()})
    return accumulated.result().values


def name(rows, columns) -> dict[str, torch.Tensor]:
    return {f"r{i}": x for i, x in enumerate(rows)} | {f"c{i}": x for i, x in enumerate(columns)}


def make_null(minibatches, n_rows: int, n_columns: int, **options) -> Null:
    accumulated = Shuffled([f"r{i}" for i in range(n_rows)], [f"c{i}" for i in range(n_columns)], **options)
    for layers in minibatches:
        accumulated.update({name: multiply(x) for name, x in layers.items()})
    return accumulated.result()


@pytest.mark.parametrize("piece", [1, 400, 2**22])
def test_agrees_with_cka_of_images_that_are_shuffled_one_draw_after_the_other(generator, monkeypatch, piece):
    monkeypatch.setattr(shuffled, "PIECE", piece)
    minibatches = [name(draw(generator, 2, 7, 5) + 3, draw(generator, 3, 7, 4)) for _ in range(3)]
    found = make_null(minibatches, 2, 3, n_draws=12).cka
    assert found.shape == (12, 2, 3)
    for number, order in enumerate(shuffle(7, 12)):
        moved = [{k: x[order] if k[0] == "c" else x for k, x in layers.items()} for layers in minibatches]
        assert found[number] == pytest.approx(cka_of(*moved)[:2, 2:], abs=1e-6)


def test_over_all_orders_cka_has_mean_0_and_a_variance_that_no_layer_changes(generator):
    wide, narrow, lopsided = draw(generator, 6, 40), draw(generator, 6, 1), draw(generator, 6, 3)
    lopsided[0] += 20
    orders = [list(order) for order in permutations(range(6))]
    for x, y in ((wide, narrow), (narrow, lopsided), (wide, wide)):
        k, m = gram(x), gram(y)
        found = torch.stack([(k * m[order][:, order]).sum() for order in orders]) / (k.norm() * m.norm())
        assert found.mean().item() == pytest.approx(0, abs=1e-12)
        assert found.square().mean().item() == pytest.approx(2 / (6 * 3))


def test_orders_are_the_same_every_time_and_stay_within_their_class():
    assert torch.equal(shuffle(20, 5), shuffle(20, 5))
    assert (shuffle(20, 5).sort(1).values == torch.arange(20)).all()
    assert len(shuffle(20, 50).unique(dim=0)) == 50
    classes = torch.tensor([7, 2, 2, 7, 7, 2, 9, 2])
    within = shuffle(8, 40, classes)
    assert (within.sort(1).values == torch.arange(8)).all()
    assert (classes[within] == classes).all()
    assert (within[:, 6] == 6).all() and len(within.unique(dim=0)) > 20
    assert torch.equal(shuffle(8, 5, torch.zeros(8)), shuffle(8, 5))


def test_what_matches_through_the_class_alone_survives_within_classes_only(generator):
    classes = torch.arange(4).repeat(6)
    means = draw(generator, 4, 8) * 3
    minibatches = [
        name([means[classes] + draw(generator, 24, 8)], [means[classes] + draw(generator, 24, 8)]) for _ in range(4)
    ]
    observed = cka_of(*minibatches)[0, 1]
    everywhere = make_null(minibatches, 1, 1).tail_of_best()[0]
    within = make_null(minibatches, 1, 1, classes=[classes] * 4).tail_of_best()[0]
    assert everywhere < 0.2 < within
    assert observed == pytest.approx(within, abs=0.05)


def test_what_matches_image_by_image_does_not_survive_within_classes(generator):
    classes = torch.arange(4).repeat(6)
    minibatches = [name([x := draw(generator, 24, 8)], [x + 0.1 * draw(generator, 24, 8)]) for _ in range(4)]
    assert make_null(minibatches, 1, 1, classes=[classes] * 4).tail_of_best()[0] < 0.2 < cka_of(*minibatches)[0, 1]


def test_the_best_of_many_is_higher_by_chance_and_its_tail_is_its_own(generator):
    minibatches = [name(draw(generator, 1, 16, 8), draw(generator, 30, 16, 8)) for _ in range(4)]
    null = make_null(minibatches, 1, 30)
    of_one, of_many = (null.choose([0], columns).tail_of_best()[0] for columns in ([0], slice(None)))
    assert 0 < of_one < of_many
    share = (null.cka.max(2) > of_many).mean()
    assert 0.03 <= share <= 0.05


def test_layers_that_have_nothing_in_common_exceed_their_tail_once_in_twenty_times(generator):
    exceeded = []
    for _ in range(200):
        minibatches = [name(draw(generator, 1, 8, 4), draw(generator, 5, 8, 4)) for _ in range(2)]
        best = cka_of(*minibatches)[0, 1:].max()
        exceeded.append(best > make_null(minibatches, 1, 5, n_draws=99).tail_of_best()[0])
    assert 0.01 <= np.mean(exceeded) <= 0.1


def test_the_upper_tail_by_hand():
    draws = np.arange(19.0)[::-1]  # with what was observed 20, of which one exceeds 18
    assert upper_tail(draws) == 18
    assert upper_tail(np.arange(99.0)) == 94 and upper_tail(np.arange(99.0), 0.5) == 49
    assert np.isinf(upper_tail(np.zeros((18, 3)))).all()


def test_calibrated_is_0_at_the_tail_1_for_the_layer_itself_and_below_0_is_not_cut():
    cka = np.array([[0.2, 0.1], [1.0, 0.3], [0.05, 0.0]])
    found = calibrate(cka, np.array([0.2, 0.1, 0.1])).max(1)
    assert found == pytest.approx([0, 1, -0.05 / 0.9])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tail", [1, np.inf])
def test_where_chance_itself_may_match_perfectly_nothing_is_calibrated(tail):
    assert np.isnan(calibrate(np.array([[1.0, 0.5]]), np.array([tail]))).all()


def test_merged_with_what_others_saw_it_is_the_same(generator):
    minibatches = [name(draw(generator, 2, 7, 5), draw(generator, 2, 7, 4)) for _ in range(4)]
    rows, columns = ["r0", "r1"], ["c0", "c1"]
    one, other = Shuffled(rows, columns), Shuffled(rows, columns)
    for i, layers in enumerate(minibatches):
        (one, other)[i % 2].update({k: multiply(x) for k, x in layers.items()})
    one.merge(other, Shuffled(rows, columns))
    whole = make_null(minibatches, 2, 2)
    np.testing.assert_allclose(one.result().cka, whole.cka, atol=1e-12)
    np.testing.assert_array_equal(one.result().tail_of_best(), whole.tail_of_best())


def test_no_minibatch_is_refused_and_a_layer_that_says_nothing_matches_nothing():
    with pytest.raises(InputError, match="minibatch"):
        Shuffled(["a"], ["b"]).result()
    corners = torch.eye(6, dtype=torch.float64)  # all equally far from one another: what is centred is 0
    assert not make_null([name([corners], [corners])], 1, 1).cka.any()


def test_an_interval_is_hardly_another_where_the_null_is_drawn_anew_without_each_minibatch(generator):
    """The chapters hold the null of all minibatches against every replicate."""
    shared = [draw(generator, 16, 6) for _ in range(10)]
    look = lambda x: [torch.cat([x, draw(generator, 16, 6)], 1) for _ in range(3)]  # noqa: E731
    minibatches = [name(look(x), look(x)) for x in shared]
    kept = [minibatches, *([each for each in minibatches if each is not one] for one in minibatches)]
    cka, tails = [cka_of(*some)[:3, 3:] for some in kept], [make_null(some, 3, 3).tail_of_best() for some in kept]
    fixed, anew = (
        np.array([calibrate(values, tail).max(1).mean() for values, tail in zip(cka, against, strict=True)])
        for against in ([tails[0]] * len(kept), tails)
    )
    assert estimate(fixed).effect == estimate(anew).effect
    assert estimate(fixed).error == pytest.approx(estimate(anew).error, rel=0.1)
