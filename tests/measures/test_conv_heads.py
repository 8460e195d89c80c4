"""The least that fewer heads miss: by hand, against a search of heads, and for kernels with zeros."""

import numpy as np
import pytest
import torch

from seelike.measures import conv_heads
from seelike.measures.conv_attention import ConvAttention, offset_matrices
from seelike.measures.conv_heads import (
    count_heads,
    draw_kernels,
    fit_error,
    relative_errors,
    smallest_errors,
    take_kernel,
)


def test_of_a_row_of_ones_by_hand(generator):
    """1×3 on patches of 4: in each of four rows of pixels 4·3 ones, ten from the own patch, one from either side."""
    kernel = draw_kernels(1, 3, 1, generator)
    kernel.weight.data[:] = 0
    kernel.weight.data[0, 0, 1] = 1
    expected = [1, np.sqrt(8 / 48), np.sqrt(4 / 48), *[0] * 7]
    assert smallest_errors(kernel, 4).numpy() == pytest.approx(expected, abs=1e-7)
    assert count_heads(kernel, 4) == 3 == count_heads(kernel, 1)


@pytest.mark.parametrize("size", [3, 7])
def test_of_small_kernels_it_amounts_to_leaving_the_weakest_offsets_out(size, generator):
    kernel = draw_kernels(1, size, 2, generator)
    np.testing.assert_allclose(smallest_errors(kernel, 8).numpy(), leave_out(kernel), atol=1e-7)


def test_of_kernels_larger_than_patches_fewer_heads_do_a_little_better(generator):
    kernel = draw_kernels(1, 9, 2, generator)
    found, left_out = smallest_errors(kernel, 8).numpy(), leave_out(kernel)
    assert (found < left_out + 1e-7).all() and found[8] < left_out[8] - 1e-4


def leave_out(kernel) -> np.ndarray:
    """The error of the construction with 0, 1, … heads, those of the strongest offsets."""
    norms = sorted(float(matrix.norm() ** 2) for matrix in offset_matrices(kernel, 8).values())
    return np.sqrt([sum(norms[: 9 - heads]) / sum(norms) for heads in range(10)])


@pytest.mark.parametrize(("size", "patch"), [(3, 8), (9, 8), (17, 8), (17, 4)])
def test_as_many_heads_as_the_construction_has_are_needed_and_enough(size, patch, generator):
    kernel = draw_kernels(1, size, 1, generator)
    found = smallest_errors(kernel, patch)
    assert len(found) == count_heads(kernel, patch) + 1 and found[-2] > 1e-4 and found[-1] == 0


def test_of_single_pixels_no_more_heads_are_needed_than_channels_make_pairs(generator):
    assert (smallest_errors(draw_kernels(1, 5, 3, generator), 1)[3:] < 1e-7).all()
    found = smallest_errors(draw_kernels(9, 5, 3, generator), 1)
    assert len(found) == 26 and found[24] > 1e-4


def test_heads_that_learn_reach_the_closed_form_and_never_less(generator):
    kernel = draw_kernels(1, 9, 2, generator)
    closed = smallest_errors(kernel, 8)
    for heads in (1, 4, 8):
        fitted = fit_error(kernel, 8, heads, generator)
        assert closed[heads] - 1e-6 <= fitted <= closed[heads] + 0.02


def test_no_weights_of_fewer_heads_do_better(generator):
    """The slow oracle: random attention weights with the best matrices for them."""
    kernel = draw_kernels(1, 5, 1, generator)
    stack = torch.stack([matrix.flatten() for matrix in offset_matrices(kernel, 4).values()])
    for _ in range(50):
        weights = torch.rand(8, 9, generator=generator, dtype=torch.float64).T
        missed = stack - weights @ torch.linalg.lstsq(weights, stack).solution
        assert missed.norm() / stack.norm() >= smallest_errors(kernel, 4)[8] - 1e-9


def test_errors_are_of_each_kernel(generator):
    conv = draw_kernels(3, 3, 2, generator)
    images = torch.randn(1, 2, 8, 8, generator=generator, dtype=torch.float64)
    found = relative_errors(conv, ConvAttention(conv, 4, sharpness=6.0), images)
    alone = take_kernel(conv, 1)
    assert found.shape == (3,) and len(set(found.tolist())) == 3
    assert relative_errors(alone, ConvAttention(alone, 4, sharpness=6.0), images).item() == pytest.approx(
        found[1].item()
    )
    assert (relative_errors(conv, conv_heads.misplace(ConvAttention(conv, 4)), images) > 0.5).all()
