"""Windows of tokens on a square grid, as numbers of the tokens (row by row), and how far their tokens lie apart."""

import torch

WINDOW = 7  # tokens a side


def cut(side: int, dilated: bool = False) -> torch.Tensor:
    """Windows of 7×7 neighbours, (windows, 49); dilated, of tokens that lie side / 7 apart, over the whole grid.

    Args:
        side: tokens a side of the grid, a multiple of 7.
    """
    n = side // WINDOW
    numbers = torch.arange(side * side)
    parts = numbers.view(WINDOW, n, WINDOW, n) if dilated else numbers.view(n, WINDOW, n, WINDOW)
    order = (1, 3, 0, 2) if dilated else (0, 2, 1, 3)
    return parts.permute(order).reshape(n * n, WINDOW * WINDOW)


def draw(side: int, seed: int) -> torch.Tensor:
    """As many windows of as many tokens, (windows, 49), which are drawn at random; every token is in one of them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(side * side, generator=generator).view(-1, WINDOW * WINDOW)


def whole(side: int) -> torch.Tensor:
    """One window of all tokens, (1, side²)."""
    return torch.arange(side * side)[None]


def places(windows: torch.Tensor, side: int) -> torch.Tensor:
    """Row and column of every token of windows, (…, 2)."""
    return torch.stack([windows // side, windows % side], -1).float()


def measure_offsets(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """From every query to every key, (…, queries, keys, 2), as a share of the largest; places are (…, n, 2)."""
    offsets = keys[..., None, :, :] - queries[..., :, None, :]
    return offsets / offsets.abs().max().clamp_min(1)
