"""A convolution as attention: the theorem on cases by hand, against `conv2d`, by loops, its limits, bad input."""

import pytest
import torch
from torch import nn

from seelike.measures.conv_attention import ConvAttention, cut, find_heads, join, offset_matrices, relative
from seelike.system.errors import InputError


def convolution(*args, **more) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(*args, **more, dtype=torch.float64)


@pytest.mark.parametrize("patch", [4, 8])
@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 11, 13, 15, 17])
@torch.no_grad()
def test_any_kernel_is_computed_with_as_many_heads_as_patches_in_reach(size, patch, generator):
    conv = convolution(3, 4, size, padding=size // 2)
    images = torch.randn(2, 3, 3 * patch, 4 * patch, generator=generator, dtype=torch.float64)
    layer = ConvAttention(conv, patch)
    assert ((layer(images) - conv(images)).norm() / conv(images).norm()) < 1e-5
    assert len(layer.offsets) == (2 * -(-(size - 1) // (2 * patch)) + 1) ** 2


@pytest.mark.parametrize(
    ("more", "heads"),
    [
        ({"kernel_size": 3, "stride": 2, "padding": 1}, 4),  # nothing comes from below or from the right
        ({"kernel_size": 2, "stride": 2}, 1),
        ({"kernel_size": 4, "stride": 2, "padding": 1}, 9),
        ({"kernel_size": (3, 1), "padding": (1, 0)}, 3),
        ({"kernel_size": 3, "dilation": 3, "padding": "same"}, 9),
        ({"kernel_size": 3, "padding": "same", "groups": 2, "bias": False}, 9),
        ({"kernel_size": 4, "padding": "same"}, 9),
        ({"kernel_size": 8, "stride": 8, "padding": "valid"}, 1),
    ],
)
@torch.no_grad()
def test_strides_borders_dilation_and_groups(more, heads, generator):
    conv, images = convolution(4, 6, **more), torch.randn(2, 4, 24, 16, generator=generator, dtype=torch.float64)
    layer = ConvAttention(conv, 8)
    torch.testing.assert_close(layer(images), conv(images), rtol=0, atol=1e-5)
    assert len(layer.offsets) == heads


def test_a_shift_by_a_pixel_by_hand():
    """The kernel that takes the pixel on the left: of a patch of 2×2, the left column comes from the patch there."""
    conv = convolution(1, 1, (1, 3), padding=(0, 1), bias=False)
    conv.weight.data = torch.tensor([[[[1.0, 0.0, 0.0]]]], dtype=torch.float64)
    matrices = {offset: matrix.tolist() for offset, matrix in find_heads(conv, 2).items()}
    from_left = [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]  # input pixels down, output pixels across
    from_own = [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert matrices == {(0, -1): from_left, (0, 0): from_own}


def test_matrices_hold_each_entry_at_its_place_by_loops():
    conv, patch, size = convolution(2, 3, 5, padding=2), 4, 5
    for (down, right), matrix in offset_matrices(conv, patch).items():
        found = matrix.reshape(patch, patch, 2, patch, patch, 3)
        for iy, ix, oy, ox in torch.cartesian_prod(*[torch.arange(patch)] * 4).tolist():
            ky, kx = iy + down * patch - oy + size // 2, ix + right * patch - ox + size // 2
            inside = 0 <= ky < size and 0 <= kx < size
            expected = conv.weight[:, :, ky, kx].T if inside else torch.zeros(2, 3, dtype=torch.float64)
            assert torch.equal(found[iy, ix, :, oy, ox], expected)


@torch.no_grad()
def test_attention_is_attention_and_its_error_falls_with_sharpness(generator):
    conv, images = convolution(3, 2, 3, padding=1), torch.randn(1, 3, 16, 16, generator=generator, dtype=torch.float64)
    layer = ConvAttention(conv, 4, sharpness=5.0)
    maps = layer.attend(cut(images, 4), 4, 4)
    assert maps.shape == (1, 9, 16, 16)
    torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps[..., 0]))
    found = [(ConvAttention(conv, 4, sharp)(images) - conv(images)).norm() for sharp in (2.0, 5.0, 8.0)]
    assert found[0] > found[1] > found[2] > 1e-3


@torch.no_grad()
def test_heads_that_look_elsewhere_compute_something_else(generator):
    conv, images = convolution(3, 2, 3, padding=1), torch.randn(1, 3, 16, 16, generator=generator, dtype=torch.float64)
    layer = ConvAttention(conv, 4)
    layer.offsets = layer.offsets[1:] + layer.offsets[:1]
    assert (layer(images) - conv(images)).norm() > 0.5 * conv(images).norm()


def test_heads_are_those_whose_matrix_is_not_zero():
    conv = convolution(2, 2, 3, padding=1)
    conv.weight.data[:, :, [0, 0, 2, 2], [0, 2, 0, 2]] = 0
    assert sorted(find_heads(conv, 4)) == [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)]
    conv.weight.data[:] = 0
    assert list(find_heads(conv, 4)) == [(0, 0)]


def test_patches_are_cut_and_joined_and_lie_at_their_offsets(generator):
    images = torch.randn(2, 3, 8, 12, generator=generator)
    tokens = cut(images, 4)
    assert torch.equal(tokens[0, 1], images[0, :, :4, 4:8].permute(1, 2, 0).flatten())
    assert torch.equal(join(tokens.unflatten(1, (2, 3)), 4, 4), images)
    assert relative(((0, 1), (1, -1)), 2, 2).int().tolist() == [
        [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    ]


@pytest.mark.parametrize(
    ("conv", "arguments", "named"),
    [
        (nn.Linear(2, 2), (4,), "conv must be a Conv2d"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (4,), "conv must be a Conv2d that pads with zeros"),
        (nn.Conv2d(1, 1, 3), (4,), "conv must keep the sides"),
        (nn.Conv2d(1, 1, 4, padding=2), (4,), "conv must keep the sides"),
        (nn.Conv2d(1, 1, 3, stride=3, padding=1), (4,), "patch_size must be a multiple of the stride, 3, not 4"),
        (nn.Conv2d(1, 1, 3, padding=1), (0,), "patch_size must be"),
        (nn.Conv2d(1, 1, 3, padding=1), (4.0,), "patch_size must be"),
        (nn.Conv2d(1, 1, 3, padding=1), (4, 0.0), "sharpness must be a positive number"),
        (nn.Conv2d(1, 1, 3, padding=1), (4, float("inf")), "sharpness must be a positive number"),
    ],
)
def test_refuses_what_it_cannot_be(conv, arguments, named):
    with pytest.raises(InputError, match=named):
        ConvAttention(conv, *arguments)


def test_refuses_images_that_patches_do_not_fill():
    with pytest.raises(InputError, match="images must have sides that are multiples of 4"):
        ConvAttention(nn.Conv2d(1, 1, 3, padding=1), 4)(torch.zeros(1, 1, 8, 10))
