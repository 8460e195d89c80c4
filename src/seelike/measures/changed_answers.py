"""What models answer when something is changed, their images or themselves, and what they keep of their accuracy."""

import torch
from torch import nn

from seelike.measures.answering import ANSWER, read_answers, share_right
from seelike.measures.features import Features
from seelike.measures.kept import Condition, Kept
from seelike.measures.perturbations import Change, Views, unchanged
from seelike.measures.runner import Cast, Found


class ChangedAnswers:
    """What is asked of a cast's models: their answers to all images in some conditions.

    `views` are to be shown by `perturbations.show_views` while the images pass.
    """

    def __init__(self, cast: Cast, n_images: int, n_draws: int):
        self.cast, self.n_images, self.n_draws = cast, n_images, n_draws
        self.views: Views = {}
        self.answers: dict[str, dict[Condition, Features]] = {}

    def ask(self, name: str, condition: Condition, change: Change = unchanged, model: nn.Module | None = None) -> None:
        """Ask what the model of this name answers to changed images, or what another answers in its place."""
        view = name if change is unchanged and model is None else f"{name}: {condition}"
        if view != name:
            self.cast.models[view] = model or self.cast.models[name]
            self.views[view] = (name, change)
        self.answers.setdefault(name, {})[condition] = self.cast.add(view, read_answers(self.n_images))

    def gather(self, found: Found, labels: dict[str, torch.Tensor]) -> dict[str, Kept]:
        """Of every model that was asked, its accuracy; `labels` are the classes of all images, by model."""
        return {name: self._gather(name, found, labels[name]) for name in self.answers}

    def _gather(self, name: str, found: Found, labels: torch.Tensor) -> Kept:
        given = {condition: found[each][ANSWER] for condition, each in self.answers[name].items()}
        right = {condition: share_right(each, labels, self.n_draws).numpy() for condition, each in given.items()}
        return Kept(right, 1 / max(1, self.cast.models[name].num_classes))
