"""The optimisers of a recipe: Muon for the matrices of transformer and Mixer blocks, AdamW for all else."""

import torch
from torch import nn

from seelike.models.recipes import Recipe


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Of all parameters of a model, each in one of them; weight decay is of weights of two or more dimensions."""
    matrices, weights, others = [], [], []
    for name, parameter in model.named_parameters():
        in_block = name.startswith("blocks.") and parameter.ndim == 2
        (matrices if in_block else weights if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizers = [torch.optim.AdamW(groups, lr=recipe.rate, betas=recipe.betas, fused=True)]
    if matrices:
        optimizers.append(torch.optim.Muon(matrices, lr=recipe.rate, weight_decay=recipe.weight_decay))
    return optimizers
