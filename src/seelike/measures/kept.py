"""How much of what a model can do is left once its images, or its tokens, are changed: a share of accuracy.

Models differ in how often they are right about intact images, and even a guess is right at times. So what is kept is
(accuracy − chance) / (accuracy on intact images − chance): 1 if the change costs nothing, 0 if nothing but chance is
left, below 0 if the model does worse than to guess.
"""

import numpy as np

from seelike.measures.intervals import jackknife

LEAST = 0.1  # accuracy above chance without which there is nothing to lose


def replicate_kept(right: np.ndarray, intact: np.ndarray, chance: float) -> np.ndarray:
    """The replicates of the share that is kept, (draws + 1,).

    Args:
        right: accuracy on changed images, by draw of images, (draws,), all of equal size.
        intact: the same on these images as they are.
        chance: accuracy of a guess.

    Returns NaN for a model that is hardly better than chance on intact images: it has nothing to lose.
    """
    return jackknife(len(right), lambda chosen: _share(right[chosen].mean(), intact[chosen].mean(), chance))


def _share(right: float, intact: float, chance: float) -> float:
    return (right - chance) / (intact - chance) if intact - chance >= LEAST else np.nan
