"""Attention that starts as a convolution over patches, and is released from it.

After Li, Chen, He and Hsieh 2021 (arXiv 2111.01353): each of nine heads looks at one patch of a query's 3×3
neighbourhood, so that heads, values and output together are a convolution. While it is hard-wired, position alone says
where a head looks; what is released, step by step of training, are content and a bias of relative offsets.
A head whose patch would lie off the image looks at all patches alike.
"""

from itertools import product

import numpy as np
import torch
from timm.models.vision_transformer import Attention
from torch import nn

OFFSETS = tuple(product((-1, 0, 1), repeat=2))  # (down, right) of each head's patch
PULL = 5.0  # added to the logit of that patch: finite, or softmax would have no gradient to be released by
NOWHERE = -1


class Scaled(nn.Module):
    """Its input times a share that training sets, 0 to 1."""

    def __init__(self):
        super().__init__()
        self.register_buffer("share", torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As its class says."""
        return x * self.share


class WiredAttention(Attention):
    """Logits = pull towards one patch a head + share · (content + bias of relative offset), all of them learned.

    The pull is `strength` + share · `pull_bias`: held while the share is 0.

    Args:
        dim: width of the tokens, all of them patches, row by row.
        grid: rows and columns of patches.
    """

    def __init__(self, dim: int, grid: tuple[int, int]):
        super().__init__(dim, num_heads=len(OFFSETS), qkv_bias=True)
        rows, columns = grid
        self.fused_attn = False  # a learned bias of the logits is not fused everywhere
        self.q_norm = Scaled()
        self.relative = nn.Parameter(torch.zeros(self.num_heads, 2 * rows - 1, 2 * columns - 1))
        self.pull_bias = nn.Parameter(torch.zeros(self.num_heads))
        self.register_buffer("strength", torch.tensor(0.0))
        self.register_buffer("targets", find_targets(grid))
        self.register_buffer("patches", torch.arange(rows * columns), persistent=False)

    def forward(self, x: torch.Tensor, attn_mask: torch.Tensor | None = None, is_causal: bool = False) -> torch.Tensor:
        """Tokens (n, patches, dim) → the same shape; a mask is added to the logits."""
        share = self.q_norm.share
        pull = (self.strength + share * self.pull_bias)[:, None, None] * (self.targets[..., None] == self.patches)
        bias = pull + share * spread(self.relative)
        return super().forward(x, attn_mask=bias if attn_mask is None else bias + attn_mask, is_causal=is_causal)


def find_targets(grid: tuple[int, int]) -> torch.Tensor:
    """The patch that each head looks at for each query, (heads, patches); −1 where it lies off the image."""
    numbers = np.pad(np.arange(grid[0] * grid[1]).reshape(grid), 1, constant_values=NOWHERE)
    shifted = [np.roll(numbers, (-down, -right), (0, 1))[1:-1, 1:-1].flatten() for down, right in OFFSETS]
    return torch.from_numpy(np.stack(shifted))


def permute(targets: torch.Tensor, seed: int | tuple[int, ...]) -> torch.Tensor:
    """The same patches for each query, dealt out anew among the heads: as sparse and local, but no convolution."""
    return torch.from_numpy(np.random.default_rng(seed).permuted(targets.numpy(), axis=0))


def spread(table: torch.Tensor) -> torch.Tensor:
    """What a table says of each offset, (heads, 2·rows − 1, 2·columns − 1), for each pair of patches: (heads, n, n)."""
    rows, columns = ((size + 1) // 2 for size in table.shape[1:])
    pairs = table.unfold(1, rows, 1).unfold(2, columns, 1).flip(1, 2)  # (heads, row, column, row, column)
    return pairs.reshape(len(table), rows * columns, rows * columns)


def wire(model: nn.Module, wiring: str, share: float, seed: int) -> None:
    """Set where the heads of a model look at the start of its training, and the share of attention that is released.

    Args:
        wiring: "free", "convolution" or "permuted": the patches of a convolution, dealt out anew in each block.
        seed: of the permutations.
    """
    for block, attention in enumerate(find_wired(model)):
        attention.strength.fill_(0.0 if wiring == "free" else PULL)
        attention.q_norm.share.fill_(share)
        if wiring == "permuted":
            attention.targets.copy_(permute(attention.targets, (seed, block)))


def find_wired(model: nn.Module) -> list[WiredAttention]:
    """Those attentions of a model that can be hard-wired."""
    return [module for module in model.modules() if isinstance(module, WiredAttention)]
