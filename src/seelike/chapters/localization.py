"""Section 7 of the paper, all of it: what the last blocks' tokens still tell of their position, and of the class."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.utils.data import Subset

from seelike.activations.layers import count_last_stage
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.probe_images import ProbeImages, even_and_odd, name_parameters, open_probe_images
from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.measures import occlusion as attributions
from seelike.measures import token_probes
from seelike.measures.cka import MIN_IMAGES
from seelike.measures.intervals import Terms
from seelike.measures.layer_similarities import PARTS
from seelike.measures.occlusion import Attributions
from seelike.measures.runner import Cast, assemble, feed, name_all, spread
from seelike.measures.token_patch_cka import Comparison, Products, TokenPatch, find_common_grid
from seelike.measures.token_probes import MOST_BLOCKS, Readout
from seelike.results.choices import Choices
from seelike.results.labelled_array import Measures
from seelike.system import processes
from seelike.system.progress import track

SHOTS = {"ten": 10, "five": 5, "fifteen": 15}  # images of each class that probes learn from


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], run: Run, probed: ProbeImages | None, n_attributed: int = 0
) -> Iterator["Localization"]:
    """All of the chapter on the first run's models; of the others no more than the claims need.

    That is the probes of the ViTs' first and last blocks, and no position of the object, which no claim asks for.

    Args:
        loaded: the models of every run, {"vit": …, "cnn": …} and perhaps "vit_gap", from `run.load_models()` or
            `run.load_controls()`.
        probed: from `open_probe_images(run)`; without them no probes are made.
        n_attributed: how many of the run's first images are occluded, patch by patch, before the first run's models.
    """
    runs = list(check_each(loaded, ("vit_gap",), pooled=True))
    (whole,) = _compare(runs, run)
    for number, (models, compared) in enumerate(zip(runs, whole, strict=True)):
        first = number == 0
        read = _probe(models if first else _without_cnn(models), run, probed, first) if probed else {}
        occluded = _attribute(models, run, compared.own["vit"], n_attributed) if first and n_attributed else {}
        yield Localization(compared, read, occluded)


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """The terms of every run in each universe, from one pass of the images, and one of the probes' if there are any."""
    runs = list(loaded)
    sizes = {size: n for size, n in PARTS.items() if run.batch_size // n >= MIN_IMAGES}
    for size, compared in zip(sizes, _compare(runs, run, tuple(sizes.values())), strict=True):
        yield from _vary_windows(compared, {"minibatch": size})
    if run.opened and "vit_gap" in runs[0]:
        yield from _vary_shots(runs, run, run.opened)


def _vary_windows(compared: list[Comparison], choices: Choices) -> Iterator[Universe]:
    yield choices, [each.terms() for each in compared]
    for rest in ("interior", "all"):
        for windows in ("common", "own"):
            terms = [each.vary(windows == "common", rest == "all").terms() for each in compared]
            yield choices | {"windows": windows, "rest": rest}, terms
        yield choices | {"rest": rest}, terms


def _vary_shots(runs: list[dict[str, nn.Module]], run: Run, probed: ProbeImages) -> Iterator[Universe]:
    """Probes of the ViTs' first and last blocks that learn from more or fewer images."""
    everyone, names = name_all([_without_cnn(models) for models in runs])
    features = {name: _read(model, name, run, probed) for name, model in everyone.items()}
    for shots, folds in probed.deal_anew(SHOTS, run.parameters["seed"]).items():
        read = {name: token_probes.probe_kinds(of, probed.labels, folds) for name, of in features.items()}
        own = [{role: read[name] for role, name in of.items()} for of in names]
        yield {"shots": shots}, [token_probes.find_terms(each) for each in own]


def _read(model: nn.Module, name: str, run: Run, probed: ProbeImages) -> token_probes.Kinds:
    images = (batch[name] for batch in probed.minibatches({name: model}, run))
    return token_probes.read_kinds(model, images, len(probed.labels), most_blocks=2)


@dataclass(frozen=True)
class Localization:
    """What section 7 of the paper asks of each model, called by the parameter that names it."""

    compared: Comparison
    read: dict[str, Readout]
    occluded: dict[str, Attributions]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = {
            "token_patch_cka": {role: each.array() for role, each in self.compared.own.items()},
            "localization_score": {role: each.score_array() for role, each in self.compared.own.items()},
            "edge_score": {role: each.edge_array() for role, each in self.compared.own.items()},
        }
        occlusion = {"occlusion": {role: each.array() for role, each in self.occluded.items()}}
        return found | token_probes.arrays(self.read) | (occlusion if self.occluded else {})

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms: L1 to L4 and L7 over minibatches, the others over draws of probe images."""
        return self.compared.terms() | token_probes.find_terms(self.read)


def _compare(runs: list[dict[str, nn.Module]], run: Run, parts: Sequence[int] = (1,)) -> Iterator[list[Comparison]]:
    """Tokens against patches, for the models of every run; of minibatches taken as so many parts, one way each."""
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    asked = [[_ask(cast, n_parts) for cast in casts] for n_parts in parts]
    n_units = casts[0].ask("cnn", lambda own: count_last_stage(own.layers("blocks")))
    found = feed(minibatches, *casts)
    for way in asked:
        yield [Comparison(*({role: found[each] for role, each in of.items()} for of in own), n_units) for own in way]


def _ask(cast: Cast, n_parts: int) -> tuple[dict[str, Products], dict[str, Products]]:
    """Products of every model on its own grid, and on common windows, where that is not the same."""
    own = {role: cast.measure(role, partial(Products, n_parts=n_parts)) for role in cast.models}
    grid = find_common_grid(each.blocks for each in own.values())
    pool = partial(Products, grid=grid, n_parts=n_parts)
    return own, {role: each if each.blocks.grid == grid else cast.measure(role, pool) for role, each in own.items()}


def _without_cnn(loaded: dict[str, nn.Module]) -> dict[str, nn.Module]:
    return {role: model for role, model in loaded.items() if role != "cnn"}


def _probe(loaded: dict[str, nn.Module], run: Run, probed: ProbeImages, all_blocks: bool) -> dict[str, Readout]:
    """What probes read off every model, each of which one process alone passes the images through."""
    centers, most_blocks = (probed.centers, MOST_BLOCKS) if all_blocks else (None, 2)

    def read(role: str) -> Readout:
        images = (batch[role] for batch in probed.minibatches({role: loaded[role]}, run))
        return token_probes.probe_tokens(
            loaded[role], images, probed.labels, probed.folds, centers, most_blocks=most_blocks
        )

    return spread(loaded, read)


def _attribute(each: dict[str, nn.Module], run: Run, vit: TokenPatch, n_images: int) -> dict[str, Attributions]:
    """Every model sees the first images with one patch of the ViT's after the other painted over."""
    few = Subset(run.images, range(n_images))
    with processes.alone():
        images = next(datasets.load_minibatches(few, run.transforms(each), n_images, run.device, what=""))
    rows, columns = vit.blocks.rows, vit.blocks.columns
    window = {role: (x.shape[2] // rows, x.shape[3] // columns) for role, x in images.items()}

    def occlude(role: str) -> Attributions:
        return attributions.occlude(each[role], track(images[role], f"occlude images for {role}"), window[role])

    return spread(each, occlude)


CHAPTER = Chapter(
    "localization",
    lambda loaded, run: measure_runs(loaded, run, run.opened, run.parameters["n_attributed"]),
    control=lambda loaded, run: measure_runs(loaded, run, run.opened),
    rehearse=lambda models, run: next(measure_runs([models], run, even_and_odd(run))),
    open=open_probe_images,
    optional=("vit_gap",),
    own=(*name_parameters("probe"), "n_attributed"),
    vary=vary_runs,
)
