"""How the scale token of each patch attends to the tokens of its scales (Tang et al. 2024), by block and head.

A scale token attends to itself, to the one token of the last stage, and to the 4, 16, … tokens of the stages before;
what these get is added up. Attention to all tokens alike would give each scale a share by how many it has. Patches
that show ink, something darker than the middle grey, are told from those that show none.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError

PATCHES = ("with ink", "without")
SCALES = ("scale token", "1 coarse token", "4 fine tokens", "16 finer tokens", "64 finest tokens")
INK = "ink"


class ReadScales:
    """Reads the weights of scale tokens in every scale block, (n, patches, heads, tokens), and which patches show ink.

    Of a model with `scale_blocks` that tell by `weigh` how the first of (n · patches) sequences of tokens attends.
    """

    @contextmanager
    def reading(self, model: nn.Module, images: torch.Tensor) -> Iterator[dict[str | int, torch.Tensor]]:
        """{number of the block: weights} and {"ink": (n, patches) bool}."""
        found: dict[str | int, torch.Tensor] = {INK: find_ink(images, model.n_patches)}

        def see(number: int):
            def keep(block: nn.Module, tokens: tuple[torch.Tensor, ...]) -> None:
                found[number] = block.weigh(tokens[0]).unflatten(0, (len(images), -1))

            return keep

        with ExitStack() as hooked:
            for number, block in enumerate(model.scale_blocks):
                hooked.callback(block.register_forward_pre_hook(see(number)).remove)
            yield found


class ScaleAttention:
    """Accumulator of what is read: its mean over patches with ink and without."""

    def __init__(self):
        self.read = ReadScales()
        self.sums: torch.Tensor | None = None  # (blocks, heads, kinds of patches, scales)
        self.counts = torch.zeros(len(PATCHES), dtype=torch.float64)

    def update(self, found: dict[str | int, torch.Tensor]) -> None:
        """Add one minibatch."""
        ink = found[INK].cpu()
        kinds = torch.stack([ink, ~ink]).double()
        shares = torch.stack([add_up(each.cpu().double()) for name, each in found.items() if name != INK])
        sums = torch.einsum("kip,biphs->bhks", kinds, shares)
        self.sums = sums if self.sums is None else self.sums + sums
        self.counts += kinds.sum((1, 2))

    def merge(self, *others: "ScaleAttention") -> None:
        """Add the minibatches of other ranks or shards."""
        for other in others:
            if other.sums is not None:
                self.sums = other.sums if self.sums is None else self.sums + other.sums
                self.counts += other.counts

    def result(self) -> LabelledArray:
        """(blocks, heads, patches, scales); NaN of a kind that no patch is of.

        Raises InputError before the first minibatch.
        """
        if self.sums is None:
            raise InputError("at least one minibatch of images is needed")
        means = self.sums / self.counts[:, None]
        blocks, heads, _, scales = means.shape
        names = {"block": range(blocks), "head": range(heads), "patch": PATCHES, "scale": SCALES[:scales]}
        return LabelledArray(names, means.numpy())


def add_up(weights: torch.Tensor) -> torch.Tensor:
    """Weights (…, tokens) of the scale token, of 1, 4, 16 … tokens, as shares of these, (…, 1 + scales)."""
    sizes, left = [1], weights.shape[-1] - 1
    while left > 0:
        sizes.append(4 ** (len(sizes) - 1))
        left -= sizes[-1]
    return torch.stack([part.sum(-1) for part in weights.split(sizes, -1)], -1)


def find_ink(images: torch.Tensor, n_patches: int) -> torch.Tensor:
    """Which of as many square patches show something darker than the middle grey, (n, patches) bool.

    Args:
        images: (n, channels, rows, columns), values of which 0 is the middle.
    """
    side = round((images.shape[-2] * images.shape[-1] / n_patches) ** 0.5)
    darkest = -nn.functional.max_pool2d(-images.mean(1, keepdim=True), side)
    return darkest.flatten(1) < 0
