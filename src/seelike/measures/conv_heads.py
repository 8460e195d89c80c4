"""What attention over patches needs to compute convolutions: how many heads, and how far fewer or softer ones get.

With attention that depends on positions alone, the output of H heads is a sum of H matrices over offsets, Σ a_h(δ) M_h,
that has to be W_δ at every offset. The best of rank H keeps the H largest singular values of the stacked [vec W_δ]
(Eckart, Young 1936). As long as kernels are no larger than patches, no two W_δ have an entry in common, so that it
amounts to leaving the weakest offsets out. For images of white noise this is also the relative error of outputs. Where
the W_δ have fewer entries than there are offsets, as for single pixels of few channels, fewer heads are enough, if they
may weigh several offsets as no softmax does.
"""

import torch
from torch import nn
from torch.nn import functional

from seelike.measures.conv_attention import ConvAttention, find_heads, offset_matrices

FIT_STARTS, FIT_STEPS = 3, 60


def draw_kernels(n: int, kernel_size: int, channels: int, generator: torch.Generator) -> nn.Conv2d:
    """So many random kernels, float64, standard normal, as the output channels of one convolution that keeps sides."""
    conv = nn.Conv2d(channels, n, kernel_size, padding=kernel_size // 2, bias=False, dtype=torch.float64)
    conv.weight.data = torch.randn(conv.weight.shape, generator=generator, dtype=torch.float64)
    return conv


def take_kernel(conv: nn.Conv2d, number: int) -> nn.Conv2d:
    """One of the kernels alone."""
    alone = nn.Conv2d(conv.in_channels, 1, conv.kernel_size, padding=conv.padding, bias=False, dtype=torch.float64)
    alone.weight.data = conv.weight.detach()[number : number + 1].clone()
    return alone


@torch.no_grad()
def relative_errors(conv: nn.Conv2d, layer: ConvAttention, images: torch.Tensor) -> torch.Tensor:
    """C1: the norm of layer − convolution, relative to that of the convolution, of every kernel: (kernels,)."""
    wanted = conv(images)
    missed, whole = (each.transpose(0, 1).flatten(1).norm(dim=1) for each in (layer(images) - wanted, wanted))
    return missed / whole


def misplace(layer: ConvAttention) -> ConvAttention:
    """The control: the same layer, every head looking where the next one should. Changes the layer."""
    layer.offsets = (*layer.offsets[1:], layer.offsets[0])
    return layer


def count_heads(conv: nn.Conv2d, patch_size: int) -> int:
    """How many heads the construction takes: those of Cordonnier et al. where the patch is a pixel."""
    return len(find_heads(conv, patch_size))


def smallest_errors(conv: nn.Conv2d, patch_size: int) -> torch.Tensor:
    """C2: the smallest relative error with 0, 1, 2, … heads, up to as many as there are offsets: (offsets + 1,)."""
    stack = _stack(conv, patch_size)
    singular = torch.linalg.svdvals(stack)
    tails = functional.pad(singular.square().flip(0).cumsum(0).flip(0), (0, 1 + len(stack) - len(singular)))
    return (tails / tails[0]).sqrt()


def fit_error(conv: nn.Conv2d, patch_size: int, n_heads: int, generator: torch.Generator) -> float:
    """C2: the relative error that so many heads reach when they learn where to look, the best of a few random starts.

    They learn by L-BFGS; at every step the value matrices are the best for these attention weights, by least squares.
    """
    wanted = _stack(conv, patch_size)
    gram = wanted @ wanted.T / wanted.square().sum()
    starts = torch.randn(FIT_STARTS, n_heads, len(gram), generator=generator, dtype=gram.dtype)
    return min(_fit(biases, gram) for biases in starts)


def _fit(biases: torch.Tensor, gram: torch.Tensor) -> float:
    """The error that heads reach from some biases (heads, offsets)."""
    biases = biases.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([biases], max_iter=FIT_STEPS, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        missed = _missed(biases.softmax(1), gram)
        missed.backward()
        return missed

    optimizer.step(step)
    return float(_missed(biases.detach().softmax(1), gram).clamp_min(0).sqrt())


def _missed(weights: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """The part of a Gram matrix of trace 1 that lies outside of the span of the heads' weights (heads, offsets)."""
    basis = torch.linalg.qr(weights.T)[0]
    return 1 - (basis.T @ gram @ basis).trace()


def _stack(conv: nn.Conv2d, patch_size: int) -> torch.Tensor:
    """(offsets, entries): every [vec W_δ]."""
    return torch.stack([matrix.flatten() for matrix in offset_matrices(conv, patch_size).values()])
