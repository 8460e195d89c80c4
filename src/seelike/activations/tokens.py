"""What a block puts out, as tokens: those that have a place, on a grid, and those before them that have none.

A ViT's block puts out a list of tokens, first CLS and registers, if there are any, then the patches row by row. A CNN's
puts out a map, whose positions are its tokens. A map that is larger than that of the last block is averaged to that
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
from seelike.activations.layers import find_layers, hooked, naming
from seelike.system.errors import InputError

T = TypeVar("T")
MOST_BLOCKS = 12  # whose features are kept for probes
OTHERS = "choose a model whose tokens lie on a known grid, such as a ViT, a Swin or a ResNet"
MOST_A_SIDE = 4  # single tokens that are kept, of each row and column


@dataclass(frozen=True)
class Tokens:
    """One block's output for n images: `grid` (n, rows, columns, channels), `prefix` (n, tokens, channels)."""

    grid: torch.Tensor
    prefix: torch.Tensor


@dataclass(frozen=True)
class Blocks:
    """Some blocks of a model, from input to output, and the grid that their tokens are brought to."""

    names: tuple[str, ...]
    rows: int
    columns: int
    n_prefix: int
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
        (_, rows, columns, _), n_prefix = read_once(model, images[:1], shapes)[0][names[-1]]
        has_cls = n_prefix > 0 and getattr(model, "cls_token", None) is not None
        return cls(tuple(names), rows, columns, n_prefix, has_cls)

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
    if output.ndim == 4:
        grid = output.movedim(find_channels(model, output, images), -1)
        return Tokens(grid, grid.new_empty(len(grid), 0, grid.shape[-1]))
    if output.ndim != 3:
        raise InputError(f"layer {name} has no positions: its output has shape {tuple(output.shape)}; {OTHERS}")
    if hasattr(model, "unroll"):  # Hiera
        raise InputError(f"layer {name} has its tokens in another order than row by row; {OTHERS}")
    rows, columns, n_prefix = find_grid(model, name, output.shape[1], images)
    return Tokens(output[:, n_prefix:].unflatten(1, (rows, columns)), output[:, :n_prefix])


def find_channels(model: nn.Module, output: torch.Tensor, images: torch.Tensor) -> int:
    """Which axis of a layer's output the channels lie on: the last of a list, of a map that or the second.

    That of a map is told by its proportions, which are those of the images (n, 3, height, width); where both ways
    would do, by what the model says of itself.
    """
    if output.ndim != 4:
        return -1
    fits = {1: _fits(*output.shape[2:], images), -1: _fits(*output.shape[1:3], images)}
    if fits[1] != fits[-1]:
        return 1 if fits[1] else -1
    return -1 if getattr(model, "output_fmt", "NCHW") == "NHWC" else 1


def find_grid(model: nn.Module, name: str, n_tokens: int, images: torch.Tensor) -> tuple[int, int, int]:
    """Rows and columns of a layer's list of tokens, and how many tokens precede them.

    The grid is that of the patches, or, where a model merges patches, one of the images' proportions. No token precedes
    them before CLS is put in front. Raises InputError where nothing fits.
    """
    embed = getattr(model, "patch_embed", None) or getattr(model, "stem", None)
    height, width = images.shape[-2:]
    for n_prefix in (declared_prefix(model), 0):
        n_places = n_tokens - n_prefix
        n_rows = round((n_places * height / width) ** 0.5)
        for rows, columns in (getattr(embed, "grid_size", None) or (0, 0), (n_rows, n_places // max(1, n_rows))):
            if n_places == rows * columns > 0 and _fits(rows, columns, images):
                return rows, columns, n_prefix
    raise InputError(f"layer {name} has {n_tokens} tokens, and no grid of them is known")


def declared_prefix(model: nn.Module) -> int:
    """How many tokens a model says to put before the patches; where it says nothing, one if it has a CLS token."""
    return getattr(model, "num_prefix_tokens", int(getattr(model, "cls_token", None) is not None))


def count_prefix(parameter: str, model: nn.Module, images: torch.Tensor) -> int:
    """How many tokens do precede the patches in the first block; CaiT's, say, have no CLS token yet.

    As the model declares, where its blocks put out no list on a known grid.
    """
    try:
        return Blocks.of(parameter, model, images[:1], at_most=1).n_prefix
    except InputError:
        return declared_prefix(model)


def _fits(rows: int, columns: int, images: torch.Tensor) -> bool:
    """Whether a grid has the images' proportions, up to one row or column at the edge."""
    height, width = images.shape[-2:]
    return abs(rows * width - columns * height) < max(height, width)


def gather(
    parameter: str, model: nn.Module, minibatches: Iterable[torch.Tensor], blocks: Blocks, n_images: int
) -> dict[str, dict[str, torch.Tensor]]:
    """Features for probes of `n_images` images: kind of token → block → features, float32 on the CPU.

    - "single": (n, positions, channels), at most 4 × 4 evenly spread places of the grid, the outermost among them;
    - "CLS": (n, channels), where the model has such a token;
    - "pooled": (n, channels), the mean over all places of the grid.
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
        if len(output) != len(images) or name in seen:
            raise InputError(f"layer {name} does not put out one list of tokens for each image")
        seen[name] = reduce(split(model, name, output, images))

    with naming(parameter, model):
        with hooked(model, list(names), see):
            yield seen
        for name in names:
            seen[name] = seen.pop(name)


def _spread(n: int, at_most: int) -> list[int]:
    """At most so many of n places, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int)).tolist()
