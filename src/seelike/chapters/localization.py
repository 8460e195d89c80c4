"""Section 7 of the paper, all of it: what the last blocks' tokens still tell of their position, and of the class."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn
from torch.utils.data import Subset

from seelike.chapters.chapter import Chapter
from seelike.chapters.probe_images import ProbeImages, even_and_odd, open_probe_images
from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.measures import occlusion as attributions
from seelike.measures import token_patch_cka, token_probes
from seelike.measures.intervals import Estimate
from seelike.measures.occlusion import Attributions
from seelike.measures.runner import assemble, feed, spread
from seelike.measures.token_patch_cka import Products, TokenPatch
from seelike.measures.token_probes import Readout
from seelike.results.labelled_array import Measures
from seelike.system import processes
from seelike.system.progress import track


def measure_runs(
    loaded: Iterable[dict[str, nn.Module]], run: Run, probed: ProbeImages | None, n_attributed: int = 0
) -> Iterator["Localization"]:
    """All of the chapter on the first run's models; of the others no more than the claims need.

    That is the probes of the ViTs' last blocks alone, and no position of the object, which no claim asks for.

    Args:
        loaded: the models of every run, {"vit": …, "cnn": …} and perhaps "vit_gap", from `run.load_models()` or
            `run.load_controls()`.
        probed: from `open_probe_images(run)`; without them no probes are made.
        n_attributed: how many of the run's first images are occluded, patch by patch, before the first run's models.
    """
    runs = list(loaded)
    for number, (models, compared) in enumerate(zip(runs, _compare(runs, run), strict=True)):
        first = number == 0
        read = _probe(models if first else _without_cnn(models), run, probed, first) if probed else {}
        occluded = _attribute(models, run, compared["vit"], n_attributed) if first and n_attributed else {}
        yield Localization(compared, read, occluded)


@dataclass(frozen=True)
class Localization:
    """What section 7 of the paper asks of each model, called by the parameter that names it."""

    compared: dict[str, TokenPatch]
    read: dict[str, Readout]
    occluded: dict[str, Attributions]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = {
            "token_patch_cka": {role: each.array() for role, each in self.compared.items()},
            "localization_score": {role: each.score_array() for role, each in self.compared.items()},
            "edge_score": {role: each.edge_array() for role, each in self.compared.items()},
        }
        occlusion = {"occlusion": {role: each.array() for role, each in self.occluded.items()}}
        return found | token_probes.arrays(self.read) | (occlusion if self.occluded else {})

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect: L1 to L4 with intervals over minibatches, L5 and L6 over draws of probe images."""
        return token_patch_cka.compare(self.compared, seed) | token_probes.compare(self.read, seed)


def _compare(runs: list[dict[str, nn.Module]], run: Run) -> list[dict[str, TokenPatch]]:
    """Tokens against patches, for the models of every run."""
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    products = [{role: cast.measure(role, Products) for role in cast.models} for cast in casts]
    found = feed(minibatches, *casts)
    return [{role: found[each] for role, each in own.items()} for own in products]


def _without_cnn(loaded: dict[str, nn.Module]) -> dict[str, nn.Module]:
    return {role: model for role, model in loaded.items() if role != "cnn"}


def _probe(loaded: dict[str, nn.Module], run: Run, probed: ProbeImages, all_blocks: bool) -> dict[str, Readout]:
    """What probes read off every model, each of which one process alone passes the images through."""
    centers = probed.centers if all_blocks else None

    def read(role: str) -> Readout:
        images = (batch[role] for batch in probed.minibatches({role: loaded[role]}, run))
        of = loaded[role], images, probed.labels, probed.folds, centers
        return token_probes.probe_tokens(*of, last_only=not all_blocks)

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
)
