"""Tokens of several scales from the stages of a frozen CNN (Tang et al. 2024, arXiv 2407.13920).

The pocket ResNet's stages have 56, 28, 14 and 7 positions a side for images of 56 pixels, those of a ResNet-50 at 224;
an image patch of 8 pixels owns one position of the last stage, the square of 4 of the one before, of 16, of 64. A
stage is read as the next one reads it: normed and rectified.
"""

import zlib
from dataclasses import dataclass

import timm
import torch
from torch import nn

from seelike.models.recipes import RESNET
from seelike.system.errors import InputError

PATCH = 8  # pixels a side
CHANNELS = (160, 64, 32, 16)  # of the stages, the last one first
MOVED_SEED = 0  # of the patches that fine tokens are moved to


@dataclass(frozen=True)
class Reading:
    """What is read of the backbone.

    Attributes:
        scales: so many of its stages, the last one first.
        fine: what stands for the stages but the last: their "own" tokens, those of another patch of the image
            ("moved", to the same patches in every image), or "noise" of the same variance.
        trained: whether it has its weights; else those that its training began with.
    """

    scales: int = 2
    fine: str = "own"
    trained: bool = True

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each scale, the coarsest first."""
        return CHANNELS[: self.scales]


class Frozen(nn.Module):
    """On a network that is used as it is: its weights are no parameters of what it stands in, nor saved with it.

    Its layers can be watched all the same, see `activations.layers.named_modules`.
    """

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self._held = (backbone.eval().requires_grad_(False),)  # a tuple, which torch does not look into

    @property
    def backbone(self) -> nn.Module:
        """What is held."""
        return self._held[0]

    def _apply(self, change, recurse: bool = True) -> "Frozen":
        """To another device or type it moves along."""
        self.backbone._apply(change)
        return super()._apply(change, recurse)


class ScaleTokens(Frozen):
    """Images (n, channels, rows, columns) → tokens of each scale, (n, patches, positions, width), the coarsest first.

    Patches are counted row by row, and so are the positions of a patch. Nothing of it learns; gradients of pixels pass.
    """

    def __init__(self, reading: Reading, in_chans: int = 3):
        super().__init__(timm.create_model(f"{RESNET}.shapes", pretrained=reading.trained, in_chans=in_chans))
        self.reading = reading

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Raises InputError for images whose sides are no multiples of a patch's."""
        if any(side % PATCH for side in images.shape[-2:]):
            shown = "×".join(map(str, images.shape[-2:]))
            raise InputError(f"images must have sides of a multiple of {PATCH} pixels for DuoFormer, not {shown}")
        maps, fine = self._read_stages(images), self.reading.fine
        grid = maps[0].shape[-2:]
        tokens = [cut(each, grid) for each in maps]
        if fine == "moved":
            tokens[1:] = [each[:, move(each.shape[1]).to(each.device)] for each in tokens[1:]]
        return tokens

    def _read_stages(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The maps of the last stages, normed and rectified, the last one first."""
        net = self.backbone
        readers = [*(stage.blocks[0].norm1 for stage in net.stages[1:]), net.norm]
        x, maps = net.stem(images), []
        for stage in net.stages:
            x = stage(x)
            maps.insert(0, x)
        maps = maps[: self.reading.scales]
        if self.reading.fine == "noise":
            maps[1:] = draw_noise(images, maps[1:])
        # Past the hooks of norms: one that reads a stage here has its place in the next.
        return [reader.forward(each) for reader, each in zip(reversed(readers), maps, strict=False)]


def cut(maps: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Maps (n, width, rows, columns) as the squares beneath patches of a grid: (n, patches, positions, width)."""
    rows, columns = grid
    squares = maps.unflatten(3, (columns, -1)).unflatten(2, (rows, -1))  # (n, width, rows, side, columns, side)
    return squares.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)


def lay_out(tokens: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The other way: (n, patches, positions, width) as maps, (n, width, rows, columns), for images of a size in pixels.

    Raises InputError for tokens of other images.
    """
    grid, side = [each // PATCH for each in size], round(tokens.shape[2] ** 0.5)
    if grid[0] * grid[1] != tokens.shape[1]:
        raise InputError(f"size must be that of images of {tokens.shape[1]} patches, not {tuple(size)}")
    squares = tokens.unflatten(2, (side, side)).unflatten(1, grid)  # (n, rows, columns, side, side, width)
    return squares.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def move(n_patches: int) -> torch.Tensor:
    """For every patch another one, (patches,), the same at every call; each is taken once.

    Raises InputError for fewer than two.
    """
    if n_patches < 2:
        raise InputError(f"images must have two patches or more for tokens to be moved, not {n_patches}")
    order = torch.randperm(n_patches, generator=torch.Generator().manual_seed(MOVED_SEED))
    moved = torch.empty_like(order)
    moved[order] = order.roll(1)
    return moved


def draw_noise(images: torch.Tensor, maps: list[torch.Tensor]) -> list[torch.Tensor]:
    """Normal noise of the shape of maps; an image of pixels has always the same, whatever images it is among."""
    pixels = ((images + 1) * 127.5).round().to("cpu", torch.uint8)
    noise = [torch.empty_like(each) for each in maps]
    for number, image in enumerate(pixels):
        generator = torch.Generator().manual_seed(zlib.crc32(image.numpy().tobytes()))
        for each in noise:
            each[number] = torch.randn(each.shape[1:], generator=generator).to(each)
    return noise
