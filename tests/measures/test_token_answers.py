"""A classifier on every token, and CLS kept to itself: checks by construction on small real models."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid
from seelike.activations.forward import read_once
from seelike.measures.token_answers import (
    BEST_TOKEN,
    LAST,
    TOKEN,
    WORST_TOKEN,
    Isolated,
    TokenAccuracy,
    TokenClasses,
    check_plain,
)
from seelike.system.errors import InputError

IMAGES = torch.randn(6, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def create(name="vit_pocket_patch8_56.shapes", pretrained=True):
    return timm.create_model(name, pretrained=pretrained).eval()


@torch.no_grad()
def test_the_answer_of_cls_is_the_models_own():
    model = create()
    (found,) = read_once(model, IMAGES, TokenClasses().reading(model, IMAGES))
    assert found[LAST].shape == (6, 50)
    assert torch.equal(found[LAST][:, 0], model(IMAGES).argmax(1))


@torch.no_grad()
def test_tokens_that_are_all_alike_give_the_pooled_models_own_answer():
    model = create("vit_pocket_patch8_gap_56.shapes")
    model.blocks[-1].register_forward_hook(lambda module, inputs, out: out.mean(1, keepdim=True).expand_as(out))
    (found,) = read_once(model, IMAGES, TokenClasses().reading(model, IMAGES))
    assert torch.equal(found[LAST], model(IMAGES).argmax(1)[:, None].expand(6, 49))


def test_accuracy_of_a_token_on_average_and_at_the_best_position():
    classes = torch.tensor([[9, 0, 0, 1, 0], [9, 1, 0, 1, 0], [9, 2, 0, 1, 2], [9, 3, 0, 0, 3]])
    labels = torch.arange(4)
    found = TokenAccuracy.of({LAST: classes}, Grid(2, 2, 4, 4, 1), labels, 2)
    assert found.values.shape == (2, 2, 2)
    assert found.array().values.tolist() == [[1.0, 0.25], [0.25, 0.75]]
    conditions = found.conditions()
    assert conditions[TOKEN].tolist() == [(1 + 0.5 + 0.5 + 0.5) / 4, (1 + 0 + 0 + 1) / 4]
    assert conditions[BEST_TOKEN].tolist() == [1.0, 1.0]


@torch.no_grad()
@pytest.mark.parametrize("fused", [True, False])
def test_isolated_everywhere_cls_says_the_same_of_every_image(fused):
    model = create()
    for block in model.blocks:
        block.attn.fused_attn = fused
    names = Architecture.of(model, IMAGES).attentions
    answers = Isolated(model, names, 1)(IMAGES)
    torch.testing.assert_close(answers, answers[:1].expand_as(answers))
    assert (model(IMAGES) - model(IMAGES)[:1]).abs().max() > 1
    assert torch.equal(Isolated(model, (), 1)(IMAGES), model(IMAGES))
    parted = Isolated(model, names[:-1], 1)(IMAGES)
    assert (parted - parted[:1]).abs().max() > 0.1


@torch.no_grad()
def test_isolated_tokens_do_not_attend_across_and_rows_still_sum_to_one():
    model = create()
    names = Architecture.of(model, IMAGES).attentions
    seen = {}
    for block, module in enumerate(model.blocks):
        module.attn.fused_attn = False
        module.attn.attn_drop.register_forward_hook(lambda _, inputs, __, block=block: seen.update({block: inputs[0]}))
    Isolated(model, names[:2], 1)(IMAGES)
    for block in (0, 1):
        assert seen[block][:, :, 0, 1:].abs().max() == 0 and seen[block][:, :, 1:, 0].abs().max() == 0
        torch.testing.assert_close(seen[block].sum(-1), torch.ones(6, 4, 50))
    assert seen[2][:, :, 0, 1:].min() > 0
    assert not any(block.attn._forward_pre_hooks for block in model.blocks)


@pytest.mark.parametrize("name", ["resnet_pocket", "mixer_pocket_patch8_56"])
def test_what_is_no_plain_vit_is_refused(name):
    model = create(name, pretrained=False)
    with pytest.raises(InputError, match="the model must be a (plain )?ViT"):
        check_plain(model, Architecture.of(model, IMAGES))


def test_shares_are_of_draws_in_order():
    classes = torch.zeros(8, 5, dtype=torch.long)
    found = TokenAccuracy.of({LAST: classes}, Grid(2, 2, 4, 4, 1), torch.tensor([0] * 4 + [1] * 4), 2)
    np.testing.assert_array_equal(found.values, np.stack([np.ones((2, 2)), np.zeros((2, 2))]))


@torch.no_grad()
def test_cls_that_sees_nothing_does_not_mind_who_sees_it_until_it_looks():
    model = create()
    names = Architecture.of(model, IMAGES).attentions
    both, alone = (Isolated(model, names, 1, both)(IMAGES) for both in (True, False))
    torch.testing.assert_close(alone, both)
    both, alone = (Isolated(model, names[:-1], 1, both)(IMAGES) for both in (True, False))
    assert (alone - both).abs().max() > 0.01


def test_the_worst_position_is_the_same_in_all_draws():
    values = np.array([[[1.0, 0.5], [0.0, 0.5]], [[1.0, 0.0], [0.5, 0.5]]])
    conditions = TokenAccuracy(values).conditions()
    assert conditions[WORST_TOKEN].tolist() == [0.5, 0.0]  # a tie of two positions, the first
    assert (conditions[WORST_TOKEN].mean() <= conditions[TOKEN].mean()) and conditions[BEST_TOKEN].tolist() == [1, 1]
