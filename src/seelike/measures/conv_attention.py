"""A convolution as one layer of multi-head attention over patches (Li et al. 2021; Cordonnier et al. 2020 for pixels).

The paper proves that there is such a layer; this construction is our own. A head belongs to one offset δ between
patches. Its content query and key are zero; its relative bias is `sharpness` for the patch that lies δ away and 0 for
all others, so that its softmax puts nearly all weight on that one. Its value matrix takes the pixels of that patch to
what they add to the output pixels of the own patch. The sum over heads is the convolution. A ring of zero patches
around the image stands for the zeros that a convolution pads with.
"""

from itertools import product
from math import inf

import torch
from torch import nn
from torch.nn import functional

from seelike.system.errors import InputError

Offset = tuple[int, int]  # patches down, patches to the right


class ConvAttention(nn.Module):
    """The attention layer that computes what `conv` computes, but for (0.1 % at 11) what its softmax leaves elsewhere.

    Args:
        conv: any Conv2d with padding by zeros whose output has the sides of its input, divided by its stride.
        patch_size: side of a patch in pixels, a multiple of the stride.
        sharpness: the relative bias of each head at its offset.

    `query`, `key` (heads, pixels of a patch, 1) and `value` (heads, pixels of a patch, pixels of an output patch) are
    parameters; heads stand in the order of `offsets`. Raises InputError for what is none of this.
    """

    def __init__(self, conv: nn.Conv2d, patch_size: int, sharpness: float = 20.0):
        super().__init__()
        if not 0 < sharpness < inf:
            raise InputError(f"sharpness must be a positive number, not {sharpness!r}")
        matrices = find_heads(conv, patch_size)
        self.patch_size, self.stride, self.sharpness = patch_size, _pair(conv.stride), sharpness
        self.offsets = tuple(matrices)
        n_pixels = conv.in_channels * patch_size**2
        self.query, self.key = (nn.Parameter(conv.weight.new_zeros(len(matrices), n_pixels, 1)) for _ in range(2))
        self.value = nn.Parameter(torch.stack([*matrices.values()]))
        self.output_bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().clone())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, in channels, height, width) → what the convolution gives, (n, out channels, height/s, width/s)."""
        rows, columns = (side // self.patch_size for side in images.shape[-2:])
        if (rows * self.patch_size, columns * self.patch_size) != images.shape[-2:]:
            raise InputError(f"images must have sides that are multiples of {self.patch_size}, not {images.shape[-2:]}")
        ring = max(abs(step) for offset in self.offsets for step in offset)
        tokens = cut(functional.pad(images, [ring * self.patch_size] * 4), self.patch_size)
        attention = self.attend(tokens, rows + 2 * ring, columns + 2 * ring)
        mixed = (attention @ (tokens[:, None] @ self.value)).sum(1)
        inside = mixed.unflatten(1, (rows + 2 * ring, columns + 2 * ring))[:, ring : ring + rows, ring : ring + columns]
        pixels = join(inside, self.patch_size // self.stride[0], self.patch_size // self.stride[1])
        return pixels if self.output_bias is None else pixels + self.output_bias[:, None, None]

    def attend(self, tokens: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """The attention maps (n, heads, tokens, tokens) among the patches of a grid, row by row."""
        content = (tokens[:, None] @ self.query) @ (tokens[:, None] @ self.key).transpose(-1, -2)
        return (content + self.sharpness * relative(self.offsets, rows, columns).to(tokens)).softmax(-1)


def find_heads(conv: nn.Conv2d, patch_size: int) -> dict[Offset, torch.Tensor]:
    """Those of `offset_matrices` that are not zero: each takes a head. Of a kernel of zeros the own patch's."""
    every = offset_matrices(conv, patch_size)
    return {offset: matrix for offset, matrix in every.items() if matrix.any()} or {(0, 0): every[0, 0]}


def offset_matrices(conv: nn.Conv2d, patch_size: int) -> dict[Offset, torch.Tensor]:
    """Offset → (pixels of a patch, pixels of an output patch): what the patch there adds to the output of the own one.

    Every offset in reach, row by row. The pixel at (row, column, channel) of a patch stands at its place in the order
    rows, columns, channels. Raises InputError for what is no such convolution, or no such size of patch.
    """
    _check(conv, patch_size)
    kernel = conv.weight.detach()
    down, right = (_place(conv, patch_size, axis).to(kernel) for axis in (0, 1))
    groups = torch.block_diag(*torch.ones(conv.groups, conv.out_channels // conv.groups, 1)).to(kernel)
    dense = torch.einsum("og,oikl->ogikl", groups, kernel).flatten(1, 2)
    matrices = torch.einsum("ayuk,ockl,bxvl->abyxcuvo", down, dense, right).flatten(5).flatten(2, 4)
    offsets = product(*(_reach(conv, patch_size, axis) for axis in (0, 1)))
    return dict(zip(offsets, matrices.flatten(0, 1), strict=True))


def relative(offsets: tuple[Offset, ...], rows: int, columns: int) -> torch.Tensor:
    """(offsets, patches, patches): 1 where the second patch lies at the offset from the first, else 0."""
    y, x = (each.flatten() for each in torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"))
    apart = torch.stack([y[None] - y[:, None], x[None] - x[:, None]], -1)
    return (apart == torch.tensor(offsets)[:, None, None]).all(-1)


def cut(images: torch.Tensor, patch_size: int) -> torch.Tensor:
    """(n, channels, height, width) → patches, row by row: (n, patches, pixels in the order rows, columns, channels)."""
    lines = images.unflatten(-1, (-1, patch_size)).unflatten(-3, (-1, patch_size))
    return torch.einsum("ncaybx->nabyxc", lines).flatten(3).flatten(1, 2)


def join(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The way back, from (n, rows, columns, pixels of patches of height × width): (n, channels, …)."""
    pixels = tokens.unflatten(-1, (height, width, -1))
    return torch.einsum("nabyxc->ncaybx", pixels).flatten(4).flatten(2, 3)


def _place(conv: nn.Conv2d, patch_size: int, axis: int) -> torch.Tensor:
    """(offsets, pixels of a patch, pixels of an output patch, entries of the kernel), along one axis.

    1 where the entry takes the pixel of the patch at the offset to the output pixel of the own patch, else 0.
    """
    stride, dilation, size = _pair(conv.stride)[axis], _pair(conv.dilation)[axis], conv.kernel_size[axis]
    output, entry = torch.meshgrid(torch.arange(patch_size // stride), torch.arange(size), indexing="ij")
    pixel = output * stride - _padding(conv, axis) + entry * dilation
    offsets = torch.tensor(_reach(conv, patch_size, axis))[:, None, None, None]
    place = torch.arange(patch_size)[:, None, None]
    return offsets * patch_size + place == pixel


def _reach(conv: nn.Conv2d, patch_size: int, axis: int) -> range:
    """The offsets along one axis from which anything comes."""
    first = -_padding(conv, axis)
    last = first + patch_size - _pair(conv.stride)[axis] + _extent(conv, axis)
    return range(first // patch_size, last // patch_size + 1)


def _extent(conv: nn.Conv2d, axis: int) -> int:
    """From the first to the last pixel that a kernel takes in, along one axis."""
    return _pair(conv.dilation)[axis] * (conv.kernel_size[axis] - 1)


def _padding(conv: nn.Conv2d, axis: int) -> int:
    """Zeros before the first pixel, along one axis."""
    if isinstance(conv.padding, str):
        return _extent(conv, axis) // 2 if conv.padding == "same" else 0
    return _pair(conv.padding)[axis]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _check(conv: nn.Conv2d, patch_size: int) -> None:
    if type(conv) is not nn.Conv2d or conv.padding_mode != "zeros":
        raise InputError(f"conv must be a Conv2d that pads with zeros, not {conv}")
    for axis in (0, 1):
        stride, extent, before = _pair(conv.stride)[axis], _extent(conv, axis), _padding(conv, axis)
        if type(patch_size) is not int or patch_size < 1 or patch_size % stride:
            raise InputError(f"patch_size must be a multiple of the stride, {stride}, not {patch_size!r}")
        if conv.padding != "same" and not extent - stride < 2 * before <= extent:
            raise InputError(
                f"conv must keep the sides of images but for its stride; with kernel {conv.kernel_size[axis]}, padding "
                f"{before}, dilation {_pair(conv.dilation)[axis]} and stride {stride} this one does not"
            )
