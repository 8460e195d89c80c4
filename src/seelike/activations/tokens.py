"""What a block returns, as tokens: those that have a position, on a grid, and those before them that have none.

A ViT's block returns a list of tokens, first CLS and registers, if there are any, then the patches row by row. A CNN's
returns a map, whose positions are its tokens. A map that is larger than that of the last block is averaged to that
size (paper, section 7), window by window as `adaptive_avg_pool2d` cuts them.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import check_first, find_layers, hooked, naming
from seelike.system.errors import InputError

T = TypeVar("T")
MOST_BLOCKS = 12  # whose features are kept for probes
OTHERS = "choose a model whose tokens lie on a known grid, such as a ViT, a Swin or a ResNet"
MOST_A_SIDE = 4  # single tokens that are kept, of each row and column
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
class Blocks:
    """Some blocks of a model, from input to output, and the grid that their tokens are brought to.

    `n_prefix` is how many tokens precede the patches in each; `has_cls` whether the first of them is CLS in all.
    """

    names: tuple[str, ...]
    rows: int
    columns: int
    n_prefix: tuple[int, ...]
    has_cls: bool

    @classmethod
    def of(cls, parameter: str, model: nn.Module, images: torch.Tensor, at_most: int | None = None) -> "Blocks":
        """All blocks of a model, or `at_most` evenly spread ones with the first and the last.

        Raises InputError, which names `parameter`, if a block's output has no positions.
        """
        names = [layer.name for layer in find_layers(parameter, model, "blocks", images[:1])]
        names = [names[i] for i in _spread(len(names), at_most or len(names))]
        shapes = _reading(
            parameter, model, images[:1], names, lambda tokens: (tokens.grid.shape, tokens.prefix.shape[1])
        )
        found = read_once(model, images[:1], shapes)[0]
        (_, rows, columns, _), _ = found[names[-1]]
        n_prefix = tuple(n for _, n in found.values())
        return cls(tuple(names), rows, columns, n_prefix, has_cls_token(model) and all(n_prefix))

    def read(
        self, parameter: str, model: nn.Module, images: torch.Tensor, reduce: Callable[[Tokens], T]
    ) -> dict[str, T]:
        """One forward pass: {name: reduce(tokens)}, each called the moment the block is reached."""
        return read_once(model, images, self.reading(parameter, model, images, reduce))[0]

    def reading(self, parameter: str, model: nn.Module, images: torch.Tensor, reduce: Callable[[Tokens], T]) -> Reading:
        """Context in which one pass fills what `read` gives."""
        return _reading(parameter, model, images, self.names, lambda tokens: reduce(self._pool(tokens)))

    def _pool(self, tokens: Tokens) -> Tokens:
        if tokens.grid.shape[1:3] == (self.rows, self.columns):
            return tokens
        size = (self.rows, self.columns)
        return Tokens(nn.functional.adaptive_avg_pool2d(tokens.grid.movedim(-1, 1), size).movedim(1, -1), tokens.prefix)


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
    return getattr(model, "num_prefix_tokens", 0 if token is None else token.shape[-2])


def has_cls_token(model: nn.Module) -> bool:
    """Whether a model has a CLS token, the first of all where it is put before the patches."""
    return _find_cls_token(model) is not None


def _find_cls_token(model: nn.Module) -> torch.Tensor | None:
    """(…, tokens, channels); NaFlexViT keeps it in its embedding, PiT one for distillation beside it."""
    owners = (model, getattr(model, "embeds", None))
    return next((owner.cls_token for owner in owners if getattr(owner, "cls_token", None) is not None), None)


def count_prefix(parameter: str, model: nn.Module, images: torch.Tensor) -> int:
    """How many tokens precede the patches in all blocks: none where they return maps, or lists without such tokens.

    Raises InputError, which names `parameter`, where blocks differ in it, or have such tokens and no known grid.
    """
    try:
        blocks = Blocks.of(parameter, model, images[:1])
    except InputError:
        if declared_prefix(model):
            raise
        return 0
    if len(set(blocks.n_prefix)) > 1:
        counts = " and ".join(f"{n} in {blocks.names[blocks.n_prefix.index(n)]}" for n in sorted(set(blocks.n_prefix)))
        raise InputError(
            f"{parameter} must be a model with the same tokens before the patches in every block; "
            f"{type(model).__name__} has {counts}"
        )
    return blocks.n_prefix[0]


def _fits(rows: int, columns: int, images: torch.Tensor) -> bool:
    """Whether a grid has the images' proportions, up to one row or column at the edge."""
    height, width = images.shape[-2:]
    return abs(rows * width - columns * height) < max(height, width)


def gather(
    parameter: str, model: nn.Module, minibatches: Iterable[torch.Tensor], blocks: Blocks, n_images: int
) -> dict[str, dict[str, torch.Tensor]]:
    """Features for probes of `n_images` images: kind of token → block → features, float32 on the CPU.

    - "single": (n, positions, channels), at most 4 × 4 evenly spread positions of the grid, the outermost among them;
    - "CLS": (n, channels), where the model has such a token;
    - "pooled": (n, channels), the mean over all positions of the grid.
    """
    kept: dict[str, dict[str, torch.Tensor]] = {}
    n_seen = 0
    for images in minibatches:
        for name, kinds in blocks.read(parameter, model, images, lambda tokens: _reduce(tokens, blocks)).items():
            for kind, features in kinds.items():
                store(kept.setdefault(kind, {}), name, features, n_seen, n_images)
        n_seen += len(images)
    return kept


def store(kept: dict[str, torch.Tensor], name: str, part: torch.Tensor, start: int, n_images: int) -> None:
    """Write one minibatch's features to their place among those of all images, made whole at the first.

    Small pieces kept from every minibatch would lie scattered among what a pass frees, and the process would grow.
    """
    if name not in kept:
        kept[name] = torch.empty(n_images, *part.shape[1:])
    kept[name][start : start + len(part)] = part


def _reduce(tokens: Tokens, blocks: Blocks) -> dict[str, torch.Tensor]:
    rows, columns = (_spread(n, MOST_A_SIDE) for n in (blocks.rows, blocks.columns))
    kinds = {"single": tokens.grid[:, rows][:, :, columns].flatten(1, 2)}
    if blocks.has_cls:
        kinds["CLS"] = tokens.prefix[:, 0].clone()  # what follows may change the rest in place
    kinds["pooled"] = tokens.grid.mean((1, 2))
    return kinds


@contextmanager
def _reading(parameter: str, model: nn.Module, images: torch.Tensor, names, reduce) -> Iterator[dict]:
    seen = {}

    def see(name: str, output: torch.Tensor) -> None:
        check_first(name, seen)
        seen[name] = reduce(split(model, name, output, images))

    with naming(parameter, model):
        with hooked(model, list(names), see):
            yield seen
        for name in names:
            seen[name] = seen.pop(name)


def _spread(n: int, at_most: int) -> list[int]:
    """At most so many of n positions, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int)).tolist()
