"""Attention maps and the outputs of single heads, as a forward pass makes them.

timm's attention modules pass their softmaxed maps through `attn_drop`, unless they are fused into one operation;
and what the heads put out, side by side, through `proj`. Both are read there, for any family that is built so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from seelike.errors import InputError
from seelike.layers import INPUT, evaluating, hooked

Reduce = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Grid:
    """Where a ViT's tokens lie: after the prefix tokens rows × columns of patches, `height` × `width` pixels each."""

    rows: int
    columns: int
    height: float
    width: float
    n_prefix: int  # CLS, registers, distillation

    @classmethod
    def of(cls, parameter: str, model: nn.Module, images: torch.Tensor) -> "Grid":
        """The grid of a model for images of this size; raises InputError, which names `parameter`, if it has none."""
        embed = getattr(model, "patch_embed", None)
        if not find_attention(model) or not hasattr(embed, "patch_size"):
            raise InputError(
                f"{parameter} must be a ViT, whose attention maps lie open; {type(model).__name__} is none"
            )
        (height, width), n_prefix = embed.patch_size, getattr(model, "num_prefix_tokens", 0)
        grid = cls(images.shape[-2] // height, images.shape[-1] // width, height, width, n_prefix)
        for name, attention in read_maps(model, images[:1]).items():
            if attention.shape != (1, attention.shape[1], grid.n_tokens, grid.n_tokens):
                raise InputError(
                    f"{parameter} must be a ViT with attention among all {grid.n_tokens} tokens; in the {name} of "
                    f"{type(model).__name__} the maps have shape {tuple(attention.shape)}"
                )
        return grid

    @property
    def n_tokens(self) -> int:
        """Of prefix and patches."""
        return self.n_prefix + self.rows * self.columns

    def distances(self) -> torch.Tensor:
        """Between patch centres, in pixels: (patches, patches) float64, patches counted row by row."""
        y, x = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        centres = torch.stack([y.flatten() * self.height, x.flatten() * self.width], 1).double()
        return torch.cdist(centres, centres)


def find_attention(model: nn.Module) -> dict[str, nn.Module]:
    """Module name → attention module, in the order of the blocks."""
    return {
        name: module
        for name, module in model.named_modules()
        if hasattr(module, "attn_drop") and hasattr(module, "proj") and hasattr(module, "num_heads")
    }


def read_maps(model: nn.Module, images: torch.Tensor, reduce: Reduce = torch.clone) -> dict[str, torch.Tensor]:
    """Module name of each attention → `reduce` of its map: (images, heads, queries, keys), rows that sum to 1."""
    return _read(model, images, list(find_attention(model)), "attn_drop", reduce)


def read_heads(model: nn.Module, images: torch.Tensor, name: str) -> torch.Tensor:
    """What each head of one attention puts out, before it is mixed with the others: (images, heads, tokens, width)."""
    n_heads = find_attention(model)[name].num_heads
    mixed = _read(model, images, [name], "proj", torch.clone)[name]
    return mixed.unflatten(-1, (n_heads, -1)).transpose(1, 2)


@torch.inference_mode()
def _read(
    model: nn.Module, images: torch.Tensor, names: list[str], part: str, reduce: Reduce
) -> dict[str, torch.Tensor]:
    """What one part of attention modules takes in, reduced as it comes by."""
    inputs, found = {f"{name}.{part}{INPUT}": name for name in names}, {}

    def see(key: str, tensor: torch.Tensor) -> None:
        found[inputs[key]] = reduce(tensor)

    with evaluating(model), _unfused(model), hooked(model, list(inputs), see):
        model(images)
    return found


@contextmanager
def _unfused(model: nn.Module) -> Iterator[None]:
    """Context in which attention is computed step by step, so that its maps exist."""
    fused = [module for module in model.modules() if getattr(module, "fused_attn", False)]
    for module in fused:
        module.fused_attn = False
    try:
        yield
    finally:
        for module in fused:
            module.fused_attn = True
