"""Tokens of several scales: squares beneath patches by hand, what is read of the backbone, what is moved or noise."""

import pytest
import timm
import torch

from seelike.models.recipes import RESNET
from seelike.models.scale_tokens import CHANNELS, Reading, ScaleTokens, cut, lay_out, move
from seelike.system.errors import InputError


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (3, 3, 56, 56), generator=torch.Generator().manual_seed(0)) / 127.5 - 1


def test_squares_beneath_patches_by_hand():
    """A map of 4×6 positions, numbered row by row, beneath 2×3 patches."""
    maps = torch.arange(24.0).view(1, 1, 4, 6)
    assert cut(maps, (2, 3))[0, :, :, 0].tolist() == [
        [0, 1, 6, 7],
        [2, 3, 8, 9],
        [4, 5, 10, 11],
        [12, 13, 18, 19],
        [14, 15, 20, 21],
        [16, 17, 22, 23],
    ]


def test_squares_are_what_a_slow_one_finds():
    maps = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    found = cut(maps, (2, 3))
    assert found.shape == (2, 6, 16, 3)
    for patch in range(6):
        row, column = divmod(patch, 3)
        for position in range(16):
            y, x = divmod(position, 4)
            assert torch.equal(found[:, patch, position], maps[:, :, 4 * row + y, 4 * column + x])


def test_laid_out_squares_are_maps_again():
    maps = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(lay_out(cut(maps, (2, 3)), (16, 24)), maps)
    with pytest.raises(InputError, match="size must be that of images of 6 patches"):
        lay_out(cut(maps, (2, 3)), (16, 16))


@pytest.mark.parametrize("scales", [1, 2, 3, 4])
def test_a_patch_owns_1_4_16_and_64_positions(scales, images):
    found = ScaleTokens(Reading(scales))(images)
    assert [tuple(each.shape) for each in found] == [(3, 49, 4**scale, CHANNELS[scale]) for scale in range(scales)]


def test_a_stage_is_read_as_the_next_one_reads_it(images):
    resnet = timm.create_model(f"{RESNET}.shapes", pretrained=True).eval()
    read = {}
    resnet.stages[3].blocks[0].norm1.register_forward_hook(lambda module, args, out: read.update(fine=out))
    with torch.no_grad():
        read["coarse"] = resnet.forward_features(images)
    coarse, fine = ScaleTokens(Reading())(images)
    assert torch.equal(coarse, cut(read["coarse"], (7, 7))) and torch.equal(fine, cut(read["fine"], (7, 7)))
    assert (fine >= 0).all()


def test_moved_tokens_are_those_of_another_patch_and_no_others(images):
    own, moved = ScaleTokens(Reading())(images), ScaleTokens(Reading(fine="moved"))(images)
    assert torch.equal(own[0], moved[0])
    to = move(49)
    assert sorted(to.tolist()) == list(range(49)) and (to != torch.arange(49)).all()
    for patch in range(49):
        assert torch.equal(moved[1][:, patch], own[1][:, to[patch]])
    with pytest.raises(InputError, match="two patches or more"):
        move(1)


def test_noise_has_the_variance_of_what_it_stands_for_and_goes_with_the_image(images):
    own, noise = ScaleTokens(Reading())(images), ScaleTokens(Reading(fine="noise"))
    found = noise(images)
    assert torch.equal(own[0], found[0]) and not torch.equal(found[1][0], found[1][1])
    torch.testing.assert_close(noise(images[[2, 0]])[1], found[1][[2, 0]], atol=1e-4, rtol=0)
    before = {}
    norm = noise.backbone.stages[3].blocks[0].norm1
    norm.act.register_forward_pre_hook(lambda module, args: before.update(normed=args[0].clone()))
    noise(images)
    groups = before["normed"].unflatten(1, (8, 8))
    plain = (groups - norm.bias.view(8, 8, 1, 1)) / norm.weight.view(8, 8, 1, 1)
    torch.testing.assert_close(plain.var((2, 3, 4), correction=0), torch.ones(3, 8), atol=0.01, rtol=0)


def test_nothing_of_it_learns_is_saved_or_depends_on_other_images(images):
    tokens = ScaleTokens(Reading())
    assert not list(tokens.parameters()) and not tokens.state_dict()
    assert not any(each.requires_grad for each in tokens(images))
    pixels = images.clone().requires_grad_()
    sum(each.sum() for each in tokens(pixels)).backward()
    assert pixels.grad.abs().sum() > 0
    for whole, part in zip(tokens(images), tokens(images[1:2]), strict=True):
        torch.testing.assert_close(whole[1:2], part, atol=1e-4, rtol=1e-4)
    assert tokens.double()(images.double())[0].dtype == torch.float64


def test_the_backbone_before_its_training_is_another(images):
    trained, untrained = (ScaleTokens(Reading(trained=trained)) for trained in (True, False))
    start = timm.create_model(f"{RESNET}.shapes")
    assert torch.equal(untrained.backbone.stem.conv.weight, start.stem.conv.weight)
    assert not torch.equal(trained(images)[0], untrained(images)[0])


def test_images_of_other_sizes_have_other_grids_or_are_refused(images):
    coarse, fine = ScaleTokens(Reading())(images[:, :, :24, :40])
    assert coarse.shape[1:] == (15, 1, 160) and fine.shape[1:] == (15, 4, 64)
    with pytest.raises(InputError, match="multiple of 8 pixels.*not 56×50"):
        ScaleTokens(Reading())(images[..., :50])
