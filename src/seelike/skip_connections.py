"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from dataclasses import dataclass

import torch
from torch import nn

from seelike import cut, data, norm_ratio
from seelike.chapter import Run
from seelike.cut import Cuts
from seelike.intervals import Estimate
from seelike.norm_ratio import NormRatios

CUT = ("vit_cut_low", "vit_cut_middle", "vit_cut_high")  # parameters, all optional


def measure(models: dict[str, nn.Module], run: Run) -> "SkipConnections":
    """Pass the run's images through {"vit": …, "cnn": …} and whatever there is of `CUT`."""
    ratios = {which: norm_ratio.measure(which, models[which], _images(run, models, which)) for which in ("vit", "cnn")}
    compared = {which: model for which, model in models.items() if which == "vit" or which in CUT}
    cuts = cut.measure(compared, run.minibatches(compared), _labels(run, compared)) if len(compared) > 1 else None
    return SkipConnections(ratios, cuts)


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


def _images(run: Run, models: dict[str, nn.Module], which: str):
    """The images as one model wants them."""
    return (images[which] for images in run.minibatches({which: models[which]}))


def _labels(run: Run, models: dict[str, nn.Module]) -> torch.Tensor | None:
    """The images' classes; None unless there are known to be as many as every model tells apart.

    That they are the same classes, in the same order, is for the user to see to.
    """
    known = {getattr(model, "num_classes", None) for model in models.values()}
    return data.read_labels(run.images) if known == {data.count_classes(run.images)} else None
