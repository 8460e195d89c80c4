"""What each step of a run sees: which images, flipped and cropped how, at which learning rate."""

import numpy as np
import torch

from seelike.models.recipe_kinds import Recipe
from seelike.training.augmentation import draw_augmentation


def plan_steps(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A row a step: numbers of the images (steps, n), which are flipped (steps, n), corners of crops (steps, n, 2)
    and learning rates (steps,).

    A function of the recipe alone, so that a run resumed is a run uninterrupted. Without augmentation the flips and
    corners are empty.
    """
    steps, n = recipe.steps, recipe.batch_size
    chosen = np.stack([np.sort(recipe.choose_batch(step)) for step in range(steps)]).astype(np.int32)
    rates = np.array([recipe.rate_at(step) for step in range(steps)], np.float32)
    flipped, corners = draw_augmentation(steps, n if recipe.augment else 0, recipe.seed)
    return tuple(map(torch.from_numpy, (chosen, flipped, corners, rates)))
