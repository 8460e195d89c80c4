"""Where in an image a single feature is active, patch by patch: Ghiasi et al. (2022), beside their Fig. 1."""

from collections.abc import Sequence

import torch
from torch import nn

from seelike.activations.attention import Grid
from seelike.activations.layers import evaluating, hooked


@torch.inference_mode()
def activate_patches(
    model: nn.Module, images: torch.Tensor, features: Sequence[tuple[str, int]], grid: Grid
) -> torch.Tensor:
    """The activation of every patch token, (features, rows, columns): of each feature in an image of its own.

    Args:
        images: (features, 3, height, width).
        features: a layer's name and a channel each.
    """
    found: dict[str, torch.Tensor] = {}
    with evaluating(model), hooked(model, list(dict.fromkeys(name for name, _ in features)), found.__setitem__):
        model(images)
    rows = [found[name][i, grid.n_prefix :, channel] for i, (name, channel) in enumerate(features)]
    return torch.stack(rows).unflatten(1, (grid.rows, grid.columns)).cpu()
