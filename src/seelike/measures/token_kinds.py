"""What probes are shown of a block: single tokens, the CLS token, all tokens pooled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from seelike.activations.architecture import spread
from seelike.activations.tokens import Blocks, Tokens

SINGLE, CLS, POOLED = "single", "CLS", "pooled"
MOST_A_SIDE = 4  # single tokens that are kept, of each row and column
T = TypeVar("T")


@dataclass(frozen=True)
class TokenKinds:
    """Reads what some blocks return, by kind of token.

    - "single": (n, positions, channels), at most 4 × 4 evenly spread positions of the grid, the outermost among them;
      none unless `singles`;
    - "CLS": (n, channels), where the model has such a token;
    - "pooled": (n, channels), the mean over all positions of the grid.
    """

    blocks: Blocks
    singles: bool = True

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[tuple[str, str], torch.Tensor]]:
        """{(kind, block): its features}."""
        kept: dict[tuple[str, str], torch.Tensor] = {}
        with self.blocks.reading(model, images, self._reduce) as found:
            yield kept
        kept |= {(kind, block): of for block, kinds in found.items() for kind, of in kinds.items()}

    def _reduce(self, tokens: Tokens) -> dict[str, torch.Tensor]:
        kinds = {}
        if self.singles:
            rows, columns = (spread(n, MOST_A_SIDE) for n in self.blocks.grid)
            kinds[SINGLE] = tokens.grid[:, rows][:, :, columns].flatten(1, 2)
        if self.blocks.has_cls:
            kinds[CLS] = tokens.prefix[:, 0].clone()  # what follows may change the rest in place
        return kinds | {POOLED: tokens.grid.mean((1, 2))}


def split_by_kind(features: dict[tuple[str, str], T]) -> dict[str, dict[str, T]]:
    """What `TokenKinds` reads, {(kind, block): …} → {kind: {block: …}}."""
    found: dict[str, dict[str, T]] = {}
    for (kind, block), of in features.items():
        found.setdefault(kind, {})[block] = of
    return found
