"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import nn

from seelike import data, norm_ratio, sharing
from seelike.chapter import Run
from seelike.cut import Comparison, Cuts
from seelike.intervals import Estimate
from seelike.norm_ratio import NormRatios, Ratios
from seelike.one_pass import read_once

CUT = ("vit_cut_low", "vit_cut_middle", "vit_cut_high")  # parameters, all optional


def measure(models: dict[str, nn.Module], run: Run) -> "SkipConnections":
    """Pass the run's images once through {"vit": …, "cnn": …} and whatever there is of `CUT`."""
    ratios = {which: Ratios(which) for which in ("vit", "cnn")}
    compared = {which: model for which, model in models.items() if which == "vit" or which in CUT}
    cuts = Comparison(compared) if len(compared) > 1 else None
    for images, labels in zip(run.minibatches(models), _labels(run, compared), strict=False):
        answers = {}
        for which, model in models.items():
            readings = cuts.readings(which, images) if cuts and which in compared else []
            readings += [ratios[which].reading(model, images[which])] if which in ratios else []
            found = read_once(model, images[which], *readings)
            if which in ratios:
                ratios[which].update(found.pop())
            answers |= {which: found} if found else {}
        if cuts:
            cuts.update(answers, labels)
    return SkipConnections({which: each.result() for which, each in ratios.items()}, cuts and cuts.result())


@dataclass(frozen=True)
class SkipConnections:
    """What section 6 of the paper asks of a ViT, a CNN, and ViTs that lack the skips of one block."""

    ratios: dict[str, NormRatios]
    cuts: Cuts | None

    def arrays(self) -> dict[str, dict]:
        """Labelled arrays for a result file, by measure; single tokens of the ViT only."""
        found: dict[str, dict] = {}
        for which, ratios in self.ratios.items():
            for name, entry in ratios.arrays().items():
                if which == "vit" or name != "norm_ratio_tokens":
                    found.setdefault(name, {})[which] = entry
        return found | (self.cuts.arrays() if self.cuts else {})

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches."""
        found = norm_ratio.compare(self.ratios["vit"], self.ratios["cnn"], seed)
        found |= self.cuts.estimates(seed) if self.cuts else {}
        return {claim: found[claim] for claim in sorted(found)}


def _labels(run: Run, models: dict[str, nn.Module]) -> Iterator[torch.Tensor | None]:
    """The classes of each minibatch; None unless there are known to be as many as every model tells apart.

    That they are the same classes, in the same order, is for the user to see to.
    """
    known = {getattr(model, "num_classes", None) for model in models.values()}
    if known != {data.count_classes(run.images)}:
        return repeat(None)
    return iter(sharing.share(data.read_labels(run.images).split(run.parameters["batch_size"])))
