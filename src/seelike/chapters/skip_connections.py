"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import nn

from seelike.activations.forward import read_once
from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.measures import norm_ratio
from seelike.measures.intervals import Estimate
from seelike.measures.norm_ratio import NormRatios, Ratios
from seelike.measures.skip_ablation import Comparison, SkipAblation
from seelike.results.labelled_array import Measures
from seelike.system import processes

Seen = dict[tuple[str, nn.Module], list]  # parameter and model → what its readings found in one minibatch
ABLATED = ("vit_noskip_early", "vit_noskip_middle", "vit_noskip_late")  # one block without skips; all optional


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["SkipConnections"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and whatever there is of `ABLATED`.
    """
    runs = [_Sums(models) for models in loaded]
    first = runs[0]
    for images, labels in zip(run.minibatches(first.models), _labels(run, first.compared), strict=False):
        seen: Seen = {}
        for each in runs:
            each.update(images, labels, seen)
    yield from [each.result() for each in runs]


class _Sums:
    """Accumulator of all that is asked of one run's models."""

    def __init__(self, models: dict[str, nn.Module]):
        self.models = models
        self.ratios = {role: Ratios(role) for role in ("vit", "cnn")}
        self.compared = {role: model for role, model in models.items() if role == "vit" or role in ABLATED}
        self.ablation = Comparison(self.compared) if len(self.compared) > 1 else None

    def update(self, images: dict[str, torch.Tensor], labels: torch.Tensor | None, seen: Seen) -> None:
        """Add one minibatch; a model that is in `seen` is not passed through again."""
        answers = {}
        for role, model in self.models.items():
            readings = self.ablation.readings(role, images) if self.ablation and role in self.compared else []
            readings += [self.ratios[role].reading(model, images[role])] if role in self.ratios else []
            if (role, model) not in seen:
                seen[role, model] = read_once(model, images[role], *readings)
            found = list(seen[role, model])
            if role in self.ratios:
                self.ratios[role].update(found.pop())
            answers |= {role: found} if found else {}
        if self.ablation:
            self.ablation.update(answers, labels)

    def result(self) -> "SkipConnections":
        ratios = {role: processes.merge(each).result() for role, each in self.ratios.items()}
        return SkipConnections(ratios, self.ablation and processes.merge(self.ablation).result())


@dataclass(frozen=True)
class SkipConnections:
    """What section 6 of the paper asks of a ViT, a CNN, and ViTs that lack the skips of one block."""

    ratios: dict[str, NormRatios]
    ablation: SkipAblation | None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure; single tokens of the ViT only."""
        found: Measures = {}
        for role, ratios in self.ratios.items():
            for name, array in ratios.arrays().items():
                if role == "vit" or name != "norm_ratio_tokens":
                    found.setdefault(name, {})[role] = array
        return found | (self.ablation.arrays() if self.ablation else {})

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches."""
        found = norm_ratio.compare(self.ratios["vit"], self.ratios["cnn"], seed)
        found |= self.ablation.estimates(seed) if self.ablation else {}
        return {claim: found[claim] for claim in sorted(found)}


def _labels(run: Run, models: dict[str, nn.Module]) -> Iterator[torch.Tensor | None]:
    """The classes of each minibatch; None unless there are known to be as many as every model tells apart.

    That they are the same classes, in the same order, is for the user to see to.
    """
    known = {getattr(model, "num_classes", None) for model in models.values()}
    if known != {datasets.count_classes(run.images)}:
        return repeat(None)
    return iter(processes.share(datasets.read_labels(run.images).split(run.parameters["batch_size"])))


CHAPTER = Chapter("skip_connections", measure_runs, optional=ABLATED)
