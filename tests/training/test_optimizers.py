"""The optimisers: that Muon of all matrices at once is torch's, and that each parameter has exactly one."""

from copy import deepcopy

import pytest
import timm
import torch
from torch import nn

from seelike.models.recipe_kinds import Recipe
from seelike.models.recipes import VIT
from seelike.training.optimizers import Muon, make_optimizers, orthogonalize

SHAPES = ((8, 8), (24, 8), (8, 24), (8, 8), (24, 8))


def make_matrices(seed):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


@pytest.mark.parametrize("as_tensor", [False, True])
def test_takes_the_steps_of_torch(as_tensor):
    ours, theirs = make_matrices(0), make_matrices(0)
    rate = torch.tensor(0.05) if as_tensor else 0.05
    optimizers = Muon(ours, lr=rate, weight_decay=0.1), torch.optim.Muon(theirs, lr=0.05, weight_decay=0.1)
    for step in range(6):
        for one, same, gradient in zip(ours, theirs, make_matrices(step + 1), strict=True):
            one.grad, same.grad = gradient.detach().clone(), gradient.detach().clone()
        for optimizer in optimizers:
            optimizer.step()
    for one, same, start in zip(ours, theirs, make_matrices(0), strict=True):
        moved = (same - start).abs().max()
        assert (one - same).abs().max() < 0.01 * moved  # both orthogonalise in bfloat16


def test_orthogonalising_brings_singular_values_near_one_and_keeps_their_vectors():
    matrices = torch.randn(3, 6, 10, generator=torch.Generator().manual_seed(0))
    found = orthogonalize(matrices, torch.optim.Muon([nn.Parameter(matrices[0])]).defaults).float()
    u, values, vh = torch.linalg.svd(matrices, full_matrices=False)
    inside = u.mT @ found @ vh.mT
    assert values.max() / values.min() > 2
    assert ((inside.diagonal(dim1=1, dim2=2) > 0.5) & (inside.diagonal(dim1=1, dim2=2) < 1.5)).all()
    assert (inside - torch.diag_embed(inside.diagonal(dim1=1, dim2=2))).abs().max() < 0.1


def test_the_rate_is_one_tensor_changed_in_place():
    model = timm.create_model(VIT, pretrained=False)
    rate = torch.tensor(0.0)
    optimizers = make_optimizers(model, Recipe(weight_decay=0.0), rate)
    owned = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in owned} == {id(p) for p in model.parameters()} and len(owned) == len(set(map(id, owned)))
    start = deepcopy(model.state_dict())
    for value, same in ((0.0, True), (1e-2, False)):
        rate.fill_(value)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        for optimizer in optimizers:
            optimizer.step()
        now = model.state_dict()
        assert all(torch.equal(now[key], start[key]) == same for key in start)
