"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn

from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.measures import norm_ratio
from seelike.measures.intervals import Estimate
from seelike.measures.norm_ratio import NormRatios, Ratios
from seelike.measures.runner import Cast, Found, assemble, feed
from seelike.measures.skip_ablation import Ablations, SkipAblation
from seelike.results.labelled_array import Measures

ABLATED = ("vit_noskip_early", "vit_noskip_middle", "vit_noskip_late")  # one block without skips; all optional


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["SkipConnections"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and whatever there is of `ABLATED`.
    """
    runs = list(loaded)
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    asked = [_Sums(cast, run) for cast in casts]
    found = feed(minibatches, *casts)
    yield from [each.gather(found) for each in asked]


class _Sums:
    """What is asked of one run's models."""

    def __init__(self, cast: Cast, run: Run):
        compared = {role: model for role, model in cast.models.items() if role == "vit" or role in ABLATED}
        labels = run.read_labels(compared)
        self.ablation = Ablations(cast, list(compared), labels) if len(compared) > 1 else None
        self.ratios = {role: cast.measure(role, Ratios) for role in ("vit", "cnn")}

    def gather(self, found: Found) -> "SkipConnections":
        ratios = {role: found[each] for role, each in self.ratios.items()}
        return SkipConnections(ratios, self.ablation and self.ablation.gather(found))


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


CHAPTER = Chapter("skip_connections", measure_runs, optional=ABLATED)
