"""The plan of a run: what a step sees is a function of the recipe alone."""

from dataclasses import replace

import numpy as np
import torch

from seelike.models.recipe_kinds import Recipe
from seelike.training.augmentation import draw_augmentation
from seelike.training.plan import plan_steps

RECIPE = Recipe(images=12, steps=5, batch_size=4, warmup=2, augment=True)


def test_a_row_is_what_the_recipe_says_of_a_step():
    chosen, flipped, corners, rates = plan_steps(RECIPE)
    drawn = draw_augmentation(5, 4, RECIPE.seed)
    for step in range(RECIPE.steps):
        assert chosen[step].tolist() == sorted(RECIPE.choose_batch(step))
        np.testing.assert_array_equal(flipped[step], drawn[0][step])
        np.testing.assert_array_equal(corners[step], drawn[1][step])
        assert rates[step] == torch.tensor(RECIPE.rate_at(step), dtype=torch.float32)
    assert sorted(chosen[:3].flatten().tolist()) == list(range(12))  # an epoch sees every image once


def test_another_seed_is_another_plan_and_without_augmentation_nothing_is_drawn():
    chosen, flipped, corners, _ = plan_steps(RECIPE)
    others = plan_steps(replace(RECIPE, seed=1))
    assert not any(torch.equal(one, other) for one, other in zip((chosen, flipped, corners), others, strict=False))
    _, flipped, corners, _ = plan_steps(replace(RECIPE, augment=False))
    assert flipped.numel() == corners.numel() == 0
