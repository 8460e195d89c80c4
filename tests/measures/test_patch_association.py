"""Attention over positions: what is drawn, the network by hand and by loops, the theorem on a small case."""

import math

import pytest
import torch

from seelike.measures.patch_association import Layout, Network, alignment, associate, error, weigh_association


def layout(generator, busy=0.3, noise=0.1) -> Layout:
    return Layout.draw(8, 2, 16, busy, noise, generator)


def test_a_layout_parts_all_positions_into_sets_of_one_size(generator):
    drawn = layout(generator)
    assert sorted(drawn.sets.flatten().tolist()) == list(range(8)) and drawn.sets.shape == (2, 4)
    assert all(drawn.set_of[position] == number for number in range(2) for position in drawn.sets[number])
    assert drawn.feature.norm() == pytest.approx(1) and drawn.together.sum() == 2 * 16
    other = drawn.with_feature(generator)
    assert torch.equal(other.sets, drawn.sets) and not torch.allclose(other.feature, drawn.feature)


def test_one_set_bears_the_label_and_others_as_often_as_is_said(generator):
    drawn = layout(generator, busy=0.3, noise=0.0)
    images, labels = drawn.images(4_000, generator)
    signs = images @ drawn.feature
    of_sets = signs[:, drawn.sets]  # (images, sets, positions)
    bears = (of_sets - labels[:, None, None]).abs().amax(-1) < 1e-5
    assert bears.any(1).all() and labels.unique().tolist() == [-1, 1]
    idle = of_sets[~bears]  # of sets that bear no label, but for those that do by chance
    assert (idle.abs() > 0.5).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_shuffling_moves_patches_and_changes_nothing_else(generator):
    drawn = layout(generator, busy=0.0, noise=0.0)
    images, labels = drawn.images(500, generator, shuffled=True)
    signs = images @ drawn.feature
    torch.testing.assert_close(signs.sum(1), 4 * labels)
    together = (signs[:, drawn.sets].abs() > 0.5).all(-1).any(1)
    assert together.float().mean() < 0.1  # 2 of 70 choices of four positions are a set


def test_the_answer_by_loops(generator):
    network = Network(torch.randn(3, 3, generator=generator), torch.randn(4, generator=generator))
    images, expected = torch.randn(2, 3, 4, generator=generator), [0.0, 0.0]
    for number, image in enumerate(images):
        for i in range(3):
            weights = network.scores[i].exp() / network.scores[i].exp().sum()
            z = float(sum(weights[j] * (network.value @ image[j]) for j in range(3)))
            expected[number] += z**5 + 0.03 * z
    assert network.answer(images).tolist() == pytest.approx(expected, rel=1e-4)


def test_training_holds_the_diagonal_and_if_asked_all_of_attention(generator):
    drawn = layout(generator)
    start, images = Network.start(8, 16, generator), drawn.images(200, generator)
    assert start.scores.diagonal().tolist() == pytest.approx([math.log(math.log(16))] * 8)
    learned, held = start.train(*images, 20), start.train(*images, 20, hold=True)
    assert torch.equal(learned.scores.diagonal(), start.scores.diagonal())
    assert torch.equal(held.scores, start.scores) and not torch.equal(learned.scores, start.scores)
    assert not torch.equal(held.value, start.value) and start.value.abs().max() < 0.01


def test_training_in_parts_is_training_at_once(generator):
    start, images = Network.start(8, 16, generator), layout(generator).images(100, generator)
    at_once, in_parts = start.train(*images, 10), start.train(*images, 4).train(*images, 6)
    torch.testing.assert_close(at_once.scores, in_parts.scores)


def test_the_theorem_on_a_small_case(generator):
    """Sets are found where they are there, and not in shuffled images; the feature is found in both."""
    drawn = layout(generator)
    start = Network.start(8, 16, generator)
    learned, shuffled = (start.train(*drawn.images(1_000, generator, kind), 200) for kind in (False, True))
    complete = 1 - 3 / 7
    assert float(associate(learned.scores, drawn.together).mean()) == pytest.approx(complete)
    assert abs(float(associate(shuffled.scores, drawn.together).mean())) < complete / 2
    assert alignment(learned, drawn) > 0.95 > 0.5 > abs(alignment(start, drawn))
    test = drawn.images(500, generator)
    assert error(learned, *test) < 0.1


def test_association_by_hand():
    together = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], dtype=torch.bool)
    scores = torch.tensor([[9.0, 2, 1, 0], [0, 9, 1, 0], [0, 1, 9, 2], [3, 2, 1, 9]])
    found = associate(scores, together)
    assert found.tolist() == pytest.approx([2 / 3, -1 / 3, 2 / 3, -1 / 3])
    assert associate(together.double(), together).tolist() == pytest.approx([2 / 3] * 4)


def test_association_does_not_change_with_the_names_of_positions_but_with_those_of_one_side(generator):
    scores = torch.rand(8, 8, generator=generator)
    together = layout(generator).together
    order = torch.randperm(8, generator=generator)
    moved = associate(scores[order][:, order], together[order][:, order])
    torch.testing.assert_close(moved, associate(scores, together)[order])
    assert not torch.equal(associate(scores[order][:, order], together), associate(scores, together)[order])


def test_weights_of_attention_by_hand_and_by_loops(generator):
    together = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    scores = torch.log(torch.tensor([[9.0, 3.0, 1.0], [1.0, 9.0, 1.0], [1.0, 1.0, 9.0]]))
    assert weigh_association(scores, together).tolist() == pytest.approx([3 / 4 - 1 / 2, 0.0, 0.0])
    drawn, scores = layout(generator), torch.randn(8, 8, generator=generator)
    for i, found in enumerate(weigh_association(scores, drawn.together).tolist()):
        others = [j for j in range(8) if j != i]
        total = sum(math.exp(scores[i, j]) for j in others)
        own = sum(math.exp(scores[i, j]) for j in others if drawn.together[i, j])
        assert found == pytest.approx(own / total - 3 / 7, abs=1e-6)


def test_weights_see_how_sure_attention_is_and_not_what_is_added_to_all_of_it(generator):
    drawn, scores = layout(generator), torch.randn(8, 8, generator=generator)
    found = weigh_association(scores, drawn.together)
    torch.testing.assert_close(weigh_association(scores + 5, drawn.together), found)
    assert not torch.allclose(weigh_association(2 * scores, drawn.together), found)
    torch.testing.assert_close(associate(2 * scores, drawn.together), associate(scores, drawn.together))
