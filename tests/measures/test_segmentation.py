"""Linear segmentation: labels and mIoU by hand, probes that find what is there and not what is elsewhere, folds."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.forward import read_once
from seelike.measures.segmentation import (
    UNSEEN,
    GridTokens,
    Segmentation,
    choose_examples,
    choose_levels,
    count,
    cut_patches,
    deal,
    label_patches,
    mean_iou,
    mean_iou_of_objects,
    predict,
    replicate,
    segment,
    share_right,
    tabulate,
)
from seelike.system.errors import InputError

N, POSITIONS, LABELS = 60, 4, 3


@pytest.fixture
def labels(generator):
    return torch.randint(LABELS, (N, POSITIONS), generator=generator)


def test_a_patch_is_the_objects_where_half_of_it_shows_it():
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[0, 0, :] = True  # half of both upper patches
    masks[1, :2, :2], masks[1, 2, 2] = True, True  # all of the first, a quarter of the last
    found = label_patches(masks, torch.tensor([0, 4]), (2, 2))
    assert found.tolist() == [[1, 1, 0, 0], [5, 0, 0, 0]]


def test_mean_iou_by_hand():
    counts = np.array([[6, 2, 0], [0, 3, 0], [1, 0, 0]])
    assert mean_iou(counts) == pytest.approx((6 / 9 + 3 / 5 + 0) / 3)
    assert mean_iou(np.array([[6, 2, 0], [0, 3, 0], [0, 0, 0]])) == pytest.approx((6 / 8 + 3 / 5) / 2)
    assert mean_iou(np.stack([counts, 2 * counts])) == pytest.approx([mean_iou(counts)] * 2)
    assert mean_iou(np.eye(3)) == 1


def test_other_scores_by_hand():
    counts = np.array([[6, 2, 0], [0, 3, 0], [1, 0, 0]])
    assert mean_iou_of_objects(counts) == pytest.approx((3 / 5 + 0) / 2)
    assert share_right(counts) == pytest.approx(9 / 12)
    assert share_right(np.stack([counts, np.eye(3)])) == pytest.approx([9 / 12, 1])


def test_a_table_has_a_row_a_label_and_a_column_an_answer():
    found = torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8)
    assert tabulate(found, torch.tensor([0, 0, 1, 2]), 3).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_mean_iou_is_that_of_sets_of_patches(generator, labels):
    folds, found = deal(N, 0), torch.randint(LABELS, (N, POSITIONS), generator=generator)
    tests = [(int(image), place) for fold in folds for image in fold.test for place in range(POSITIONS)]
    true, taken = (
        {label: {at for at in tests if of[at] == label} for label in range(LABELS)} for of in (labels, found)
    )
    shares = [len(true[label] & taken[label]) / len(true[label] | taken[label]) for label in range(LABELS)]
    assert mean_iou(count(found, labels, folds, LABELS).sum(0)) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(("n_images", "n_folds"), [(60, 10), (16, 5), (8, 2), (4, 1)])
def test_every_image_is_in_one_fold_and_there_for_one_purpose(n_images, n_folds):
    folds = deal(n_images, 0)
    every = torch.cat([torch.cat([fold.train, fold.test]) for fold in folds])
    assert len(folds) == n_folds and sorted(every.tolist()) == list(range(n_images))
    assert all(0 < fold.n_held_out < len(fold.train) and len(fold.test) for fold in folds)
    assert torch.equal(folds[0].train, deal(n_images, 0)[0].train)
    assert n_images < 8 or not torch.equal(folds[0].train, deal(n_images, 1)[0].train)


def test_probes_find_what_tokens_show_wherever_it_stands(generator, labels):
    shown = torch.nn.functional.one_hot(labels, LABELS) + 0.01 * torch.randn(N, POSITIONS, LABELS, generator=generator)
    folds = deal(N, 0)
    found = predict(shown, labels, folds, LABELS)
    trained = torch.cat([fold.train for fold in folds])
    assert (found[trained] == UNSEEN).all()
    tests = torch.cat([fold.test for fold in folds])
    assert (found[tests] == labels[tests]).double().mean() > 0.95  # a few patches do not teach all labels
    moved = predict(shown.roll(1, 1), labels, folds, LABELS)
    assert (moved[tests] == labels[tests]).double().mean() < 0.6


def test_probes_do_not_mind_scale_place_or_a_turn_of_channels(generator, labels):
    tokens, folds = torch.randn(N, POSITIONS, 5, generator=generator), deal(N, 0)
    found = predict(tokens, labels, folds, LABELS)
    assert torch.equal(predict(7 * tokens + 3, labels, folds, LABELS), found)
    assert torch.equal(predict(tokens.flip(-1), labels, folds, LABELS), found)
    assert not torch.equal(predict(tokens**3, labels, folds, LABELS), found)


def test_a_probe_is_ridge_regression_of_all_patches_of_a_fold(generator, labels):
    """Against the normal equations, the penalty found by trying all."""
    tokens, (fold, *_) = torch.randn(N, POSITIONS, 5, generator=generator), deal(N, 0)
    found = predict(tokens, labels, [fold], LABELS)
    known = (2.0 * torch.nn.functional.one_hot(labels, LABELS) - 1).double()
    train, test = (tokens[of].flatten(0, 1).double() for of in (fold.train, fold.test))
    train, test = ((each - train.mean(0)) / train.std(0, correction=0) for each in (train, test))
    targets, held = known[fold.train].flatten(0, 1), fold.n_held_out * POSITIONS

    def answer(x, y, penalty, new):
        centred, weights = x - x.mean(0), penalty * torch.eye(5).double()
        solved = torch.linalg.solve(centred.T @ centred + weights, centred.T @ (y - y.mean(0)))
        return y.mean(0) + (new - x.mean(0)) @ solved

    errors = {
        penalty: (answer(train[held:], targets[held:], penalty, train[:held]) - targets[:held]).square().mean()
        for penalty in (10.0**power for power in range(-1, 7))
    }
    expected = answer(train, targets, min(errors, key=errors.get), test).argmax(1)
    assert found[fold.test].flatten().tolist() == expected.tolist()


def test_tokens_that_are_not_finite_are_refused(labels):
    with pytest.raises(InputError, match="finite"):
        predict(torch.full((N, POSITIONS, 2), torch.nan), labels, deal(N, 0), LABELS)


def make_counts(*right: int) -> np.ndarray:
    """Two labels in ten folds: of ten patches of each so many are right."""
    return np.stack([np.array([[r, 10 - r], [10 - r, r]]) for r in right])


def test_growth_and_gain_by_hand():
    flat = {str(block): make_counts(*[right] * 10) for block, right in enumerate((5, 5, 7, 8, 9, 10))}
    found = Segmentation(flat, torch.zeros(0), make_counts(*[10] * 10))
    iou = [right / (20 - right) for right in (5, 5, 7, 8, 9, 10)]
    assert found.values() == pytest.approx(iou)
    assert found.growth() == pytest.approx([(iou[4] + iou[5]) / 2 - iou[0]] * 11)
    assert found.gain() == pytest.approx([0] * 11) and found.replicates() == pytest.approx([1] * 11)


def test_replicates_leave_out_a_fold_each():
    counts = make_counts(0, *[10] * 9)
    assert replicate(counts)[:3] == pytest.approx([90 / 110, 1, 80 / 100])


@pytest.mark.parametrize(("n_blocks", "levels"), [(24, [5, 11, 17, 23]), (8, [1, 3, 5, 7]), (3, [0, 1, 2]), (1, [0])])
def test_levels_are_the_ends_of_quarters(n_blocks, levels):
    assert choose_levels(n_blocks) == levels


def test_several_blocks_tell_together_what_neither_tells_alone(generator):
    left, right = torch.randint(2, (2, 600, POSITIONS), generator=generator)
    labels, folds = left + 2 * right, deal(600, 0)
    tokens = {"a": left[..., None] + 0.0, "b": right[..., None] + 0.0}
    found = segment(tokens, labels, folds, 4, together=True)
    assert mean_iou(found.together.sum(0)) > 0.99 > 0.6 > max(found.values())
    assert segment(tokens, labels, folds, 4, together=False).together is None


def test_an_example_of_each_object_is_the_first_that_was_tested():
    found = torch.tensor([[UNSEEN], [0], [1], [0], [0]])
    assert choose_examples(found, torch.tensor([0, 1, 0, 0, 1])) == [2, 1]


def test_tokens_are_read_at_all_positions_of_a_shared_grid(generator):
    images = torch.randn(2, 3, 56, 56, generator=generator)
    model = timm.create_model("resnet_pocket.shapes").eval()
    blocks = Architecture.of(model, images).blocks()
    (found,) = read_once(model, images, GridTokens(blocks).reading(model, images))
    assert found["stages.0.blocks.0"].shape == (2, 49, 16) and found["stages.3.blocks.2"].shape == (2, 49, 160)


def test_raw_patches_are_the_pixels_of_each(generator):
    images = torch.randn(2, 3, 16, 24, generator=generator)
    found = cut_patches(images, (2, 3))
    assert found.shape == (2, 6, 192)
    assert torch.equal(found[1, 4].view(3, 8, 8), images[1, :, 8:, 8:16])
