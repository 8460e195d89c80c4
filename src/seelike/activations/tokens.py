"""What a block returns, as tokens: those that have a position, on a grid, and those before them that have none.

A ViT's block returns a list of tokens, first CLS and registers, if there are any, then the patches row by row. A CNN's
returns a map, whose positions are its tokens. A map that is larger than that of the last block is averaged to that
size (paper, section 7), window by window as `adaptive_avg_pool2d` cuts them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from seelike.activations.forward import Reading
from seelike.activations.layers import SINGLE, check_first, find_blocks, find_tensors, hooked, watched
from seelike.system.errors import InputError

T = TypeVar("T")
OTHERS = "choose a model whose tokens lie on a known grid, such as a ViT, a Swin or a ResNet"
CHANNELS = {  # class → which axes of its blocks' maps the channels may lie on, where no `output_fmt` says it
    "GlobalContextVit": (-1,),
    "SwinTransformerV2Cr": (-1,),
    "TinyVit": (1, -1),  # first convolutions, then attention
    "VisionTransformerSAM": (-1,),
    "VOLO": (-1,),
}


@dataclass(frozen=True)
class Tokens:
    """One block's output for n images: `grid` (n, rows, columns, channels), `prefix` (n, tokens, channels)."""

    grid: torch.Tensor
    prefix: torch.Tensor


@dataclass(frozen=True)
class Form:
    """What one block returns: `rows` × `columns` of tokens that have a place, after `n_prefix` that have none.

    `is_map` tells whether it returns a map, which can have none of these.
    """

    rows: int
    columns: int
    n_prefix: int
    is_map: bool


@dataclass(frozen=True)
class Blocks:
    """Some blocks of a model, from input to output, and the grid that their tokens are brought to.

    `n_prefix` is how many tokens precede the patches in each; `has_cls` whether the first of them is CLS in all.
    """

    names: tuple[str, ...]
    rows: int
    columns: int
    n_prefix: tuple[int, ...]
    has_cls: bool

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    def reading(self, model: nn.Module, images: torch.Tensor, reduce: Callable[[Tokens], T]) -> Reading:
        """Context in which a pass fills {name: reduce(tokens)}, each called the moment the block is reached."""
        return _reading(model, images, self.names, lambda tokens: reduce(self._pool(tokens)))

    def _pool(self, tokens: Tokens) -> Tokens:
        if tokens.grid.shape[1:3] == self.grid:
            return tokens
        pooled = nn.functional.adaptive_avg_pool2d(tokens.grid.movedim(-1, 1), self.grid)
        return Tokens(pooled.movedim(1, -1), tokens.prefix)


@contextmanager
def reading_forms(model: nn.Module, image: torch.Tensor) -> Iterator[dict[str, Form | InputError]]:
    """Context in which a pass of one image (1, 3, height, width), twice, fills {block: form, or why it has none}."""
    forms: dict[str, Form | InputError] = {}

    def see(name: str, output: object) -> None:
        try:
            check_first(name, forms)
            forms[name] = _find_form(model, name, output, image)
        except InputError as error:
            forms[name] = InputError(str(error))  # without the traceback, which would hold on to all that was seen

    with watched(model, list(find_blocks(model)), see):
        yield forms


def _find_form(model: nn.Module, name: str, output: object, image: torch.Tensor) -> Form:
    """Of the output for one image twice, the first half."""
    tensors = find_tensors(output)
    if len(tensors) != 1 or not tensors[0].ndim:
        raise InputError(f"layer {name} returns {len(tensors)} tensors, not one; {SINGLE}")
    tokens = split(model, name, tensors[0][: len(tensors[0]) // 2], image)
    return Form(*tokens.grid.shape[1:3], tokens.prefix.shape[1], is_map=tensors[0].ndim == 4)


def split(model: nn.Module, name: str, output: torch.Tensor, images: torch.Tensor) -> Tokens:
    """A layer's output for images (n, 3, height, width), as tokens on a grid of the images' proportions.

    The output is a list of tokens (n, tokens, channels), or a map, (n, channels, rows, columns) or, as in Swin and its
    kin, (n, rows, columns, channels). Raises InputError for any other form, and where the tokens' order is unknown.
    """
    channels = find_channels(model, f"layer {name}", output, images)
    if output.ndim == 4:
        grid = output.movedim(channels, -1)
        return Tokens(grid, grid.new_empty(len(grid), 0, grid.shape[-1]))
    if hasattr(model, "unroll"):  # Hiera
        raise InputError(f"layer {name} has its tokens in another order than row by row; {OTHERS}")
    rows, columns, n_prefix = find_grid(model, name, output.shape[1], images)
    return Tokens(output[:, n_prefix:].unflatten(1, (rows, columns)), output[:, :n_prefix])


def find_channels(model: nn.Module, name: str, output: torch.Tensor, images: torch.Tensor) -> int:
    """Which axis of a layer's output the channels lie on: the last of a list, of a map that or the second.

    The other two axes of a map have the proportions of the images (n, 3, height, width). The channels are last only
    where the model declares it. Raises InputError for another form, such as (n, windows, tokens, channels).
    """
    shape = tuple(output.shape)
    if len(output) != len(images):
        raise InputError(f"{name} does not return one list of tokens for each image; {OTHERS}")
    if output.ndim == 3:
        return -1
    if output.ndim != 4:
        raise InputError(f"{name} has no positions: its output has shape {shape}; {OTHERS}")
    sides = {1: shape[2:], -1: shape[1:3]}
    found = [axis for axis in _list_channels(model) if _fits(*sides[axis], images)]
    if len(found) == 1:
        return found[0]
    size = "×".join(map(str, images.shape[-2:]))
    known = "more than one grid is possible" if found else "no grid is known"
    raise InputError(f"{name} has an output of shape {shape}, in which {known} for images of {size}; {OTHERS}")


def _list_channels(model: nn.Module) -> tuple[int, ...]:
    """Which axes of a model's maps the channels may lie on: the last where timm or `CHANNELS` says so."""
    declared = {"NHWC": (-1,)}.get(getattr(model, "output_fmt", None))
    return declared or CHANNELS.get(type(model).__name__, (1,))


def find_grid(model: nn.Module, name: str, n_tokens: int, images: torch.Tensor) -> tuple[int, int, int]:
    """Rows and columns of a layer's list of tokens, and how many tokens precede them.

    The grid is that of the patches, or, where a model merges patches, one of the images' proportions. Before them are
    as many tokens as the model declares, or none yet. Raises InputError where no grid fits, or several do.
    """
    embed = getattr(model, "patch_embed", None) or getattr(model, "stem", None)
    fits = [
        (rows, n_patches // rows, n_prefix)
        for n_prefix in sorted({declared_prefix(model), 0})
        for n_patches in [n_tokens - n_prefix]
        for rows in range(1, n_patches + 1)
        if n_patches % rows == 0 and _fits(rows, n_patches // rows, images)
    ]
    patches = [fit for fit in fits if fit[:2] == getattr(embed, "grid_size", None)]
    if len(patches or fits) != 1:
        grids = "several grids fit them" if fits else "no grid of them is known"
        raise InputError(f"layer {name} has {n_tokens} tokens, and {grids}")
    return (patches or fits)[0]


def declared_prefix(model: nn.Module) -> int:
    """How many tokens a model says to put before the patches; where it says nothing, as many as it has of CLS."""
    token = _find_cls_token(model)
    own = 0 if token is None else 1 if token.ndim < 2 else token.shape[-2]
    return getattr(model, "num_prefix_tokens", own)


def has_cls_token(model: nn.Module) -> bool:
    """Whether a model has a CLS token, the first of all where it is put before the patches."""
    return _find_cls_token(model) is not None


def _find_cls_token(model: nn.Module) -> torch.Tensor | None:
    """(…, tokens, channels); NaFlexViT keeps it in its embedding, PiT one for distillation beside it."""
    found = (getattr(owner, "cls_token", None) for owner in (model, getattr(model, "embeds", None)))
    return next((token for token in found if isinstance(token, torch.Tensor)), None)


def _fits(rows: int, columns: int, images: torch.Tensor) -> bool:
    """Whether a grid has the images' proportions, up to one row or column at the edge."""
    height, width = images.shape[-2:]
    return abs(rows * width - columns * height) < max(height, width)


@contextmanager
def _reading(model: nn.Module, images: torch.Tensor, names, reduce) -> Iterator[dict]:
    seen = {}

    def see(name: str, output: torch.Tensor) -> None:
        check_first(name, seen)
        seen[name] = reduce(split(model, name, output, images))

    with hooked(model, list(names), see):
        yield seen
    for name in names:
        seen[name] = seen.pop(name)
