"""Pictures that make single features of a ViT as active as can be: Ghiasi et al. (2022), Figs 1 and 2.

The pixels climb the gradient of a feature's mean over the patch tokens, less a penalty on total variation. At every
step several copies are seen, each rolled, in other colours and with noise that fades, so that what grows does not hang
on single pixels. One seed gives one picture on one machine; on another, rounding leads elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.layers import evaluating, hooked

STEPS, COPIES = 64, 4
RATE, BETAS = 0.1, (0.5, 0.99)
SMOOTHNESS = 5e-4  # weight of the total variation
ROLL = 1 / 7  # of a side, at most
NOISE = 0.5  # at first


@dataclass(frozen=True)
class Maximized:
    """Pictures (features, 3, height, width), from 0 to 1, and the activation at the first and the last of them."""

    pictures: np.ndarray
    before: np.ndarray
    after: np.ndarray


def maximize(
    model: nn.Module,
    features: Sequence[tuple[str, int]],
    size: tuple[int, int],
    n_prefix: int,
    normalize: Callable[[torch.Tensor], torch.Tensor],
    seed: int = 0,
) -> Maximized:
    """A picture for each feature, a layer's name and a channel, all climbed together.

    Args:
        size: height and width of the pictures.
        n_prefix: how many tokens come before the patches.
        normalize: takes pictures from 0 to 1 to what the model sees.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = (0.5 + 0.01 * torch.randn(len(features), 3, *size, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([pictures], RATE, BETAS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    with evaluating(model), torch.enable_grad():
        before = _activate(model, normalize(pictures), features, n_prefix).detach()
        for step in range(STEPS):
            noise = NOISE * (1 - step / STEPS)
            seen = torch.cat([_change(normalize(pictures), noise, generator) for _ in range(COPIES)])
            climbed = _activate(model, seen, features, n_prefix).sum() / COPIES
            (pictures.grad,) = torch.autograd.grad(SMOOTHNESS * _vary(pictures) - climbed, pictures)
            optimizer.step()
            schedule.step()
            pictures.data.clamp_(0, 1)
        after = _activate(model, normalize(pictures), features, n_prefix).detach()
    return Maximized(pictures.detach().numpy(), before.numpy(), after.numpy())


def _activate(
    model: nn.Module, images: torch.Tensor, features: Sequence[tuple[str, int]], n_prefix: int
) -> torch.Tensor:
    """The activation of each feature for its own pictures, which stand in turn, summed over them: (features,)."""
    found: dict[str, torch.Tensor] = {}
    with hooked(model, list(dict.fromkeys(name for name, _ in features)), found.__setitem__):
        model(images.to(next(model.parameters()).device))
    rows = [found[name][i :: len(features), n_prefix:, channel] for i, (name, channel) in enumerate(features)]
    return torch.stack(rows).mean(-1).sum(1).cpu()


def _change(images: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    """Rolled, every channel stretched by up to e and moved by up to 1, with noise."""
    most = round(ROLL * images.shape[-1])
    shift = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
    stretch, move = 2 * torch.rand(2, len(images), 3, 1, 1, generator=generator) - 1
    return stretch.exp() * images.roll(shift, (2, 3)) + move + noise * torch.randn(images.shape, generator=generator)


def _vary(pictures: torch.Tensor) -> torch.Tensor:
    """Total variation, the sum of the norms of differences in four directions, summed over pictures."""
    differences = (
        pictures[..., 1:, :] - pictures[..., :-1, :],
        pictures[..., 1:] - pictures[..., :-1],
        pictures[..., 1:, 1:] - pictures[..., :-1, :-1],
        pictures[..., 1:, :-1] - pictures[..., :-1, 1:],
    )
    return sum(each.flatten(1).norm(dim=1).sum() for each in differences)
