"""Section 6 of the paper, all of it: what skip connections carry, and what becomes of a ViT without them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from torch import nn

from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.run import MODELS, Run
from seelike.measures.intervals import Terms, share_out
from seelike.measures.layer_similarities import BLOCKS, AllWays
from seelike.measures.norm_ratio import NormRatios, Ratios, smallest_gaps
from seelike.measures.runner import Cast, Found, assemble, feed
from seelike.measures.skip_ablation import Ablations, SkipAblation
from seelike.results.choices import DEPTHS
from seelike.results.labelled_array import Measures

AVERAGES = {"median": np.median, "mean": np.mean}  # of S1's sublayers
LOGS = "logs"
RATIOS = {LOGS: replace, "plain": NormRatios.average_plainly, "norms": NormRatios.average_norms}  # of tokens
ABLATED = ("vit_noskip_early", "vit_noskip_middle", "vit_noskip_late")  # one block without skips; all optional


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["SkipConnections"]:
    """Pass the run's images once through the models of every run, also those that several share.

    Args:
        loaded: {"vit": …, "cnn": …} and whatever there is of `ABLATED`.
    """
    runs = list(check_each(loaded, ABLATED))
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    asked = [_Sums(cast, run) for cast in casts]
    found = feed(minibatches, *casts)
    ratios = [each.gather_ratios(found) for each in asked]
    for each, own, gaps in zip(asked, ratios, _pair_up(runs, ratios), strict=True):
        yield SkipConnections(own, gaps, each.ablation and each.ablation.gather(found))


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images."""
    runs = list(loaded)
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    asked = [_Sums(cast, run) for cast in casts]
    ablations = [each.ablation for each in asked if each.ablation]
    ways = [AllWays(each.cast, {BLOCKS: each.blocks}, run.batch_size) for each in ablations]
    found = feed(minibatches, *casts)
    yield from _vary_ratios(runs, [each.gather_ratios(found) for each in asked])
    if ablations:
        gathered = [each.gather(found) for each in ablations]
        yield {}, [each.terms() for each in gathered]
        for every in zip(*(each.gather(found) for each in ways), strict=True):
            varied = [replace(each, similarity=own) for each, (_, own) in zip(gathered, every, strict=True)]
            yield every[0][0], [each.terms() for each in varied]


def _vary_ratios(runs: list[dict[str, nn.Module]], ratios: list[dict[str, NormRatios]]) -> Iterator[Universe]:
    averaged = {
        ratio: [{role: average(each) for role, each in own.items()} for own in ratios]
        for ratio, average in RATIOS.items()
    }
    for (ratio, found), (depth, parts) in product(averaged.items(), DEPTHS.items()):
        crossed = [_name_model(own["vit"].crossovers(parts)) for own in found]
        if ratio == LOGS:  # S5 is of no ratios
            yield {"depth": depth}, crossed
        yield {"ratio": ratio, "depth": depth}, crossed
        for name, average in AVERAGES.items():
            terms = [_name_model(own["vit"].crossovers(parts, average)) for own in found]
            yield {"ratio": ratio, "average": name, "depth": depth}, terms
        whole = [{role: each.count_all() for role, each in own.items()} for own in found]
        for name, own in (("identity", found), ("all", whole)):
            yield {"ratio": ratio, "skips": name, "depth": depth}, _compare_levels(runs, own, parts)


def _name_model(effects: dict[str, np.ndarray]) -> dict[str, Terms]:
    return {part: {("vit",): own} for part, own in effects.items()}


def _compare_levels(
    runs: list[dict[str, nn.Module]], ratios: list[dict[str, NormRatios]], parts: int
) -> list[dict[str, Terms]]:
    """S2 of every run; nothing where some model has no identity skip."""
    if not all(each.identity.any() for own in ratios for each in own.values()):
        return [{} for _ in runs]
    gaps = _pair_up(runs, ratios, parts)
    return [_tell_levels(own, gap) for own, gap in zip(ratios, gaps, strict=True)]


def _tell_levels(ratios: dict[str, NormRatios], gaps: Terms) -> dict[str, Terms]:
    return {"S2a": {("vit",): ratios["vit"].levels(), ("cnn",): -ratios["cnn"].levels()}, "S2b": gaps}


class _Sums:
    """What is asked of one run's models."""

    def __init__(self, cast: Cast, run: Run):
        compared = {role: model for role, model in cast.models.items() if role == "vit" or role in ABLATED}
        labels = run.read_labels(compared)
        self.ablation = Ablations(cast, list(compared), labels) if len(compared) > 1 else None
        self.ratios = {role: cast.measure(role, Ratios) for role in MODELS}

    def gather_ratios(self, found: Found) -> dict[str, NormRatios]:
        return {role: found[each] for role, each in self.ratios.items()}


def _pair_up(runs: list[dict[str, nn.Module]], ratios: list[dict[str, NormRatios]], parts: int = 3) -> list[Terms]:
    """S2b's terms in every run: those of its ViT and of its CNN, from all pairs of any run's ViT and any run's CNN."""
    vits, cnns = ({models[role]: own[role] for models, own in zip(runs, ratios, strict=True)} for role in MODELS)
    of_vits, of_cnns = share_out(smallest_gaps(vits.values(), cnns.values(), parts))
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
        found = _name_model(self.ratios["vit"].crossovers())
        if all(each.identity.any() for each in self.ratios.values()):
            found |= _tell_levels(self.ratios, self.gaps)
        return found | (self.ablation.terms() if self.ablation else {})


CHAPTER = Chapter("skip_connections", measure_runs, optional=ABLATED, vary=vary_runs)
