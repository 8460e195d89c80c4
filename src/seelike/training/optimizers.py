"""The optimisers of a recipe: AdamW, and Muon for the matrices of transformer and Mixer blocks if it asks for it."""

from collections import defaultdict

import torch
from torch import nn

from seelike.models.recipe_kinds import Recipe


class Muon(torch.optim.Muon):
    """torch's Muon, all matrices of one shape orthogonalised at once; the learning rate may be a tensor.

    Eight blocks cost a GPU what one does, and a step can be captured as a CUDA graph. Nesterov's momentum and
    Jordan's scaling, √max(1, rows / columns), as torch's defaults have it.
    """

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients at hand."""
        for group in self.param_groups:
            alike = defaultdict(list)
            for matrix in group["params"]:
                alike[matrix.shape].append(matrix)
            for matrices in alike.values():
                self._step(matrices, group)

    def _step(self, matrices: list[torch.Tensor], group: dict) -> None:
        buffers = [self._momentum(matrix) for matrix in matrices]
        gradients, momentum = torch.stack([matrix.grad for matrix in matrices]), torch.stack(buffers)
        momentum.lerp_(gradients, 1 - group["momentum"])
        direction = orthogonalize(gradients.lerp(momentum, group["momentum"]), group)
        rows, columns = matrices[0].shape
        values = torch.stack(matrices) * (1 - group["lr"] * group["weight_decay"])
        values -= group["lr"] * max(1, rows / columns) ** 0.5 * direction
        torch._foreach_copy_(buffers, list(momentum.unbind()))
        torch._foreach_copy_(matrices, list(values.unbind()))

    def _momentum(self, matrix: torch.Tensor) -> torch.Tensor:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]


def orthogonalize(matrices: torch.Tensor, group: dict) -> torch.Tensor:
    """Each of (k, rows, columns) with its singular values brought near 1 by Newton–Schulz steps, in bfloat16."""
    a, b, c = group["ns_coefficients"]
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def make_optimizers(model: nn.Module, recipe: Recipe, rate: torch.Tensor) -> list[torch.optim.Optimizer]:
    """Of all parameters of a model, each in one of them; weight decay is of weights of two or more dimensions.

    `rate`, the learning rate, is one tensor for all, to be changed in place.
    """
    matrices, weights, others = [], [], []
    for name, parameter in model.named_parameters():
        in_block = recipe.muon and name.startswith("blocks.") and parameter.ndim == 2
        (matrices if in_block else weights if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    on_gpu = {"capturable": True} if rate.is_cuda else {}
    optimizers = [torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, fused=True, **on_gpu)]
    if matrices:
        optimizers.append(Muon(matrices, lr=rate, weight_decay=recipe.weight_decay))
    return optimizers
