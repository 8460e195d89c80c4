"""Attention that does not look at the tokens: from position embeddings alone, or uniform.

After Jelassi, Sander and Li 2022 (arXiv 2210.09221): what a ViT can do whose attention is the same for every image.
Values and everything else are those of a ViT.
"""

import torch
from torch import nn


class BlindAttention(nn.Module):
    """Heads that mix the tokens' values by weights of no token; a subclass says which, by `weigh`."""

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.v, self.proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.attn_drop = nn.Identity()  # where maps are read, as in timm's attention

    def weigh(self, n_tokens: int) -> torch.Tensor:
        """The weights of every image, (1, heads or 1, queries, keys)."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, attn_mask: torch.Tensor | None = None, is_causal: bool = False) -> torch.Tensor:
        """Tokens (n, tokens, dim) → the same shape; masks are not for it."""
        n, n_tokens, _ = x.shape
        values = self.v(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        maps = self.attn_drop(self.weigh(n_tokens).to(values.dtype).expand(n, self.num_heads, -1, -1))
        return self.proj((maps @ values).transpose(1, 2).flatten(2))


class PositionAttention(BlindAttention):
    """Logits q(p_i)·k(p_j)/√d of position embeddings of its own, normed as tokens are."""

    def __init__(self, dim: int, num_heads: int, n_tokens: int):
        super().__init__(dim, num_heads)
        self.pos_embed = nn.Parameter(torch.zeros(1, n_tokens, dim))
        self.norm, self.qk = nn.LayerNorm(dim), nn.Linear(dim, 2 * dim)

    def weigh(self, n_tokens: int) -> torch.Tensor:
        """As its class says; `n_tokens` is what it was made for."""
        pairs = self.qk(self.norm(self.pos_embed)).unflatten(-1, (2, self.num_heads, -1))
        queries, keys = pairs.permute(2, 0, 3, 1, 4)
        return (queries @ keys.mT * queries.shape[-1] ** -0.5).softmax(-1)


class UniformAttention(BlindAttention):
    """Every token gets the mean of all values: the control without any attention."""

    def weigh(self, n_tokens: int) -> torch.Tensor:
        """1 / `n_tokens` each."""
        return self.v.weight.new_full((1, 1, n_tokens, n_tokens), 1 / n_tokens)
