"""Images changed so that some of what they show is gone: patches dropped, tiles shuffled, fine detail filtered out.

Tensors in, tensors out. What is random is drawn for each image from a seed and the image's number, so that minibatches
and processes make no difference and all models see the same image with the same holes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from seelike.system import processes

Change = Callable[[torch.Tensor, Sequence[int]], torch.Tensor]  # images (n, 3, h, w) and their numbers → images
Views = dict[str, tuple[str, Change]]  # by the name of a view, the role whose images are changed, and how


def show_views(
    minibatches: Iterable[dict[str, torch.Tensor]], views: Views, n_images: int, batch_size: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Every minibatch as it is, {role: images}, then the images of each view alone, {view: images}.

    `n_images` and `batch_size` tell which images of the set a minibatch holds, where processes share them.
    """
    starts = processes.share(range(0, n_images, batch_size))
    for start, images in zip(starts, minibatches, strict=True):
        yield images
        for view, (role, change) in views.items():
            yield {view: change(images[role], range(start, start + len(images[role])))}


def unchanged(images: torch.Tensor, _: Sequence[int]) -> torch.Tensor:
    """The change that is none."""
    return images


def draw_cells(grid: tuple[int, int], share: float, seed: int, numbers: Iterable[int]) -> torch.Tensor:
    """A share of a grid's cells, rounded to whole cells, drawn anew for each image: (n, rows, columns) bool."""
    chosen = torch.zeros(len(numbers), grid[0] * grid[1], dtype=torch.bool)
    for row, order in zip(chosen, _draw_orders(grid, seed, numbers), strict=True):
        row[order[: round(share * len(row))]] = True
    return chosen.unflatten(1, grid)


def rank_cells(amount: torch.Tensor, share: float) -> torch.Tensor:
    """The share of each grid's cells, rounded to whole cells, that have most of something, (n, rows, columns) → bool.

    Of cells that have equally much those come first that stand first.
    """
    order = amount.flatten(1).argsort(dim=1, descending=True, stable=True)
    chosen = torch.zeros_like(order, dtype=torch.bool)
    chosen.scatter_(1, order[:, : round(share * order.shape[1])], True)
    return chosen.view(amount.shape)


def paint_cells(
    images: torch.Tensor, cells: torch.Tensor, color: torch.Tensor, shift: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """The images with some cells of a grid, (n, rows, columns) bool, painted over with one colour (3,).

    `shift` moves the grid by so many pixels down and to the right; what leaves the image comes in at the other side.
    """
    hidden = torch.nn.functional.interpolate(cells[:, None].float(), images.shape[-2:], mode="nearest") > 0
    return paint(images, hidden[:, 0].roll(shift, (1, 2)), color)


def paint(images: torch.Tensor, hidden: torch.Tensor, color: torch.Tensor) -> torch.Tensor:
    """The images with some pixels, (n, height, width) bool, painted over with one colour (3,)."""
    return torch.where(hidden[:, None].to(images.device), color.to(images)[:, None, None], images)


def shuffle_tiles(images: torch.Tensor, grid: tuple[int, int], seed: int, numbers: Iterable[int]) -> torch.Tensor:
    """The images cut into rows × columns of tiles, which each image has in an order of its own.

    The grid must divide the images' sides.
    """
    rows, columns = grid
    n, channels, height, width = images.shape
    tiles = images.view(n, channels, rows, height // rows, columns, width // columns).permute(0, 2, 4, 1, 3, 5)
    orders = torch.from_numpy(np.array(_draw_orders(grid, seed, numbers))).to(images.device)
    moved = tiles.flatten(1, 2)[torch.arange(n, device=images.device)[:, None], orders]
    return moved.unflatten(1, grid).permute(0, 3, 1, 4, 2, 5).reshape(images.shape)


def low_pass(images: torch.Tensor, cutoff: float) -> torch.Tensor:
    """The images without all that varies faster than `cutoff`, in any direction, as a share of what pixels can show.

    1 is a period of two pixels. The waves above the cut-off are set to 0 in the Fourier plane.
    """
    height, width = images.shape[-2:]
    down, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    kept = torch.hypot(down[:, None], across[None]) <= cutoff / 2
    return torch.fft.irfft2(torch.fft.rfft2(images) * kept.to(images.device), s=(height, width))


def _draw_orders(grid: tuple[int, int], seed: int, numbers: Iterable[int]) -> list[np.ndarray]:
    """An order of the grid's cells for each image."""
    draws = (np.random.default_rng([seed, number]).random(grid[0] * grid[1]) for number in numbers)
    return [draw.argsort(kind="stable") for draw in draws]
