"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn

from seelike.chapters.chapter import Chapter
from seelike.chapters.run import MODELS, Run
from seelike.measures.intervals import Terms, share_out
from seelike.measures.norm_ratio import NormRatios, Ratios, smallest_gaps
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
    ratios = [each.gather_ratios(found) for each in asked]
    for each, own, gaps in zip(asked, ratios, _pair_up(runs, ratios), strict=True):
        yield SkipConnections(own, gaps, each.ablation and each.ablation.gather(found))


class _Sums:
    """What is asked of one run's models."""

    def __init__(self, cast: Cast, run: Run):
        compared = {role: model for role, model in cast.models.items() if role == "vit" or role in ABLATED}
        labels = run.read_labels(compared)
        self.ablation = Ablations(cast, list(compared), labels) if len(compared) > 1 else None
        self.ratios = {role: cast.measure(role, Ratios) for role in MODELS}

    def gather_ratios(self, found: Found) -> dict[str, NormRatios]:
        return {role: found[each] for role, each in self.ratios.items()}


def _pair_up(runs: list[dict[str, nn.Module]], ratios: list[dict[str, NormRatios]]) -> list[Terms]:
    """S2b's terms in every run: those of its ViT and of its CNN, from all pairs of any run's ViT and any run's CNN."""
    vits, cnns = ({models[role]: own[role] for models, own in zip(runs, ratios, strict=True)} for role in MODELS)
    of_vits, of_cnns = share_out(smallest_gaps(vits.values(), cnns.values()))
    of_vit, of_cnn = dict(zip(vits, of_vits, strict=True)), dict(zip(cnns, of_cnns, strict=True))
    return [{("vit",): of_vit[models["vit"]], ("cnn",): of_cnn[models["cnn"]]} for models in runs]


@dataclass(frozen=True)
class SkipConnections:
    """What section 6 of the paper asks of a ViT, a CNN, and ViTs that lack the skips of one block.

    `gaps` are the terms of S2b, for which all runs' ViTs are held against all CNNs.
    """

    ratios: dict[str, NormRatios]
    gaps: Terms
    ablation: SkipAblation | None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure; single tokens of the ViT only."""
        found: Measures = {}
        for role, ratios in self.ratios.items():
            for name, array in ratios.arrays().items():
                if role == "vit" or name != "norm_ratio_tokens":
                    found.setdefault(name, {})[role] = array
        return found | (self.ablation.arrays() if self.ablation else {})

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms; S2's only where both models have identity skips."""
        vit, cnn = (self.ratios[role] for role in MODELS)
        found: dict[str, Terms] = {part: {("vit",): own} for part, own in vit.crossovers().items()}
        if vit.identity.any() and cnn.identity.any():
            found |= {"S2a": {("vit",): vit.levels(), ("cnn",): -cnn.levels()}, "S2b": self.gaps}
        return found | (self.ablation.terms() if self.ablation else {})


CHAPTER = Chapter("skip_connections", measure_runs, optional=ABLATED)
