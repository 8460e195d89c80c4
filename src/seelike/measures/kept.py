"""How much of what a model can do is left once its images, or its tokens, are changed: a share of accuracy.

Models differ in how often they are right about intact images, and even a guess is right at times. So what is kept is
(accuracy − chance) / (accuracy on intact images − chance): 1 if the change costs nothing, 0 if nothing but chance is
left, below 0 if the model does worse than to guess.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from seelike.measures.intervals import jackknife
from seelike.results.labelled_array import LabelledArray

Condition = tuple[str, float]  # what is changed, and how much
INTACT: Condition = ("intact", 0.0)
LEAST = 0.1  # accuracy above chance without which there is nothing to lose
SHARE, RAW = "share", "raw"


@dataclass(frozen=True)
class Kept:
    """Accuracy of one model in every condition, `INTACT` among them, by draw of images, (draws,); `chance` of a guess.

    Draws are of equally many images, the same ones in every condition.
    """

    accuracy: Mapping[Condition, np.ndarray]
    chance: float

    @classmethod
    def nothing(cls, conditions: Iterable[Condition], n_draws: int) -> "Kept":
        """Of an untrained model: it has nothing to lose, and what it keeps is NaN."""
        return cls(dict.fromkeys([INTACT, *conditions], np.full(n_draws, np.nan)), np.nan)

    def beside(self, accuracy: Mapping[Condition, np.ndarray]) -> "Kept":
        """The same with further conditions."""
        return Kept({**self.accuracy, **accuracy}, self.chance)

    @property
    def is_known(self) -> bool:
        """Whether accuracies were measured."""
        return not np.isnan(self.accuracy[INTACT]).any()

    def share(self, *conditions: Condition, way: str = SHARE) -> np.ndarray:
        """The replicates of the share that is kept, averaged over some conditions, (draws + 1,).

        NaN for a model that is hardly better than chance on intact images: it has nothing to lose.

        Args:
            way: one of `WAYS`; the others are not the share above chance, but what could as well be compared.
        """
        changed, intact = np.mean([self.accuracy[each] for each in conditions], 0), self.accuracy[INTACT]
        keep = WAYS[way]
        return jackknife(len(intact), lambda draws: keep(changed[draws].mean(), intact[draws].mean(), self.chance))

    def array(self, axis: str, conditions: Mapping[str | float, Condition]) -> LabelledArray:
        """The labelled array of the shares kept, by what labels some conditions; those not measured are left out."""
        there = {label: each for label, each in conditions.items() if each in self.accuracy}
        return LabelledArray({axis: list(there)}, [self.share(each)[0] for each in there.values()])

    def intact_array(self) -> LabelledArray:
        """The labelled array of the accuracy on intact images."""
        return LabelledArray({"images": [INTACT[0]]}, [self.accuracy[INTACT].mean()])


def _share(changed: float, intact: float, chance: float) -> float:
    return (changed - chance) / (intact - chance) if intact - chance >= LEAST else np.nan


# What is kept, from accuracy on changed and on intact images and chance. Only shares stand for one model alone.
WAYS = {
    SHARE: _share,
    RAW: lambda changed, intact, chance: changed / intact if intact - chance >= LEAST else np.nan,
    "lost": lambda changed, intact, _: changed - intact,
    "accuracy": lambda changed, *_: changed,
}
SHARES = (SHARE, RAW)
