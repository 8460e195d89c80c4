"""Can attention over patches compute a convolution, with how many heads, and do trained heads do such a thing? (C)"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import nn

from seelike.chapters.answered import SCALES, compare_all, find_accuracies
from seelike.chapters.chapter import Chapter, Loaded, Universe
from seelike.chapters.counterparts import check_each
from seelike.chapters.numbers import read_numbers
from seelike.chapters.run import Run
from seelike.measures.conv_attention import ConvAttention
from seelike.measures.conv_heads import (
    count_heads,
    draw_kernels,
    fit_error,
    misplace,
    relative_errors,
    smallest_errors,
    take_kernel,
)
from seelike.measures.head_offsets import HeadOffsets, Offsets
from seelike.measures.intervals import Terms, jackknife
from seelike.measures.runner import assemble, feed, name_all
from seelike.models import bundled
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes
from seelike.system.errors import InputError

VITS = ("vit", "vit_low_data")  # the second is optional
# How ViTs with a head for each of nine offsets start, by what the tags of their names say; and on how much of the data.
STARTS = {"free": "", "as a convolution": "_twophase", "permuted": "_permuted"}
SHARES = {3: "_3pct", 100: ""}
# Part → the trainings that are compared, with their signs.
COMPARED = {
    "C4a": {"twophase_3pct": 1, "free_3pct": -1},
    "C4b": {"twophase_3pct": 1, "permuted_3pct": -1},
    "C5": {"twophase_3pct": 1, "free_3pct": -1, "twophase_100pct": -1, "free_100pct": 1},
}
SHARPNESS = tuple(range(0, 21, 4))  # of the softmax; the last is the one that is judged
CHANNELS, SIDE = 3, 4  # of the images that kernels are tried on: random ones of so many patches a side
LEAST_FEWER = 5  # pixels: a smaller kernel reaches no more pixels than patches
LEAST_ERROR = 1e-16  # what double precision can tell from none
KINDS = ("all entries", "a cross", "the centre alone")  # of kernels of 3×3, by what is not zero in them


@dataclass(frozen=True)
class Kernels:
    """What is tried: kernels of some sizes, patches of some sizes, and how many kernels of each."""

    sizes: list[int]
    patches: list[int]
    n: int


def open_kernels(run: Run) -> Kernels:
    """The kernels that the parameters name. Raises InputError, which names the parameter."""
    sizes = read_numbers("kernel_sizes", run.parameters["kernel_sizes"], 1, 33)
    if any(size % 2 == 0 for size in sizes):
        raise InputError(f"kernel_sizes must be odd, so that kernels have a centre, not {sizes}")
    return Kernels(
        sizes, read_numbers("patch_sizes", run.parameters["patch_sizes"], 2, 16), run.parameters["n_kernels"]
    )


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["Convolution"]:
    """Try the construction once, on one process, and pass the run's images through the ViTs of every run.

    Args:
        loaded: {"vit": …} and, if it is there, "vit_low_data".
    """
    tried = processes.once(partial(try_kernels, run.opened, run.parameters["seed"]))
    for offsets in measure_offsets(loaded, run):
        yield Convolution(offsets, tried, starts=find_starts(run.parameters))


def measure_controls(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["Convolution"]:
    """The same of untrained ViTs; the construction has no weights to learn, and no control of this kind."""
    for offsets in measure_offsets(loaded, run):
        yield Convolution(offsets, None, run.opened.n, find_starts(run.parameters))


def vary_runs(loaded: Loaded, run: Run) -> Iterator[Universe]:
    """C4 and C5 in each universe, where the run's images are the published ones: they rest on cards, not on images."""
    for scale in SCALES if run.opened else ():
        starts = find_starts(run.parameters, scale)
        yield {"scale": scale}, [compare_all(starts, COMPARED)] * run.n_seeds


def find_starts(parameters: Mapping[str, str], scale: str = "points") -> dict[str, np.ndarray]:
    """`free_3pct`, … → replicates of the accuracies of trainings in a bundled ViT's family, as far as there are any.

    There are none where the ViT's weights are from a file. `scale` is one of `answered.SCALES`.
    """
    if parameters["vit_checkpoint"]:
        return {}
    own = bundled.complete(parameters["vit"]).replace("vit_pocket_", "vit_pocket9_", 1)
    cards, found = bundled.read_manifest(), {}
    for change in STARTS.values():
        for percent, share in SHARES.items():
            accuracies = find_accuracies(cards, f"{own}{change}{share}", scale)
            if accuracies is not None:
                found[f"{change.removeprefix('_') or 'free'}_{percent}pct"] = accuracies
    return found


def measure_offsets(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator[dict[str, HeadOffsets]]:
    """Of every run's ViTs the attention by offset."""
    own = ({role: models[role] for role in VITS if role in models} for models in check_each(loaded, VITS[1:]))
    everyone, names = name_all(own)
    (cast,), minibatches = assemble([everyone], run.minibatches(everyone))
    asked = {name: cast.measure(name, Offsets) for name in everyone}
    found = feed(minibatches, cast)
    for own in names:
        yield {role: found[asked[name]] for role, name in own.items()}


@dataclass(frozen=True)
class Construction:
    """What was found of every kernel size, patch size and kernel, and of single kernels of each size.

    `errors` are (kernel sizes, patch sizes, sharpness, kernels), `misplaced` the same of heads that look elsewhere;
    `one_fewer` is the smallest error with one head fewer, `heads` how many it takes, pixels first, both of every
    kernel; `fewer` and `fitted` of one kernel with 0, 1, … heads over the largest patches; `by_kind` heads by kind.
    """

    kernels: Kernels
    errors: np.ndarray
    misplaced: np.ndarray
    one_fewer: np.ndarray
    heads: np.ndarray
    fewer: np.ndarray
    fitted: np.ndarray
    by_kind: np.ndarray


def try_kernels(kernels: Kernels, seed: int) -> Construction:
    """All that C1 to C3 ask, of random kernels."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [draw_kernels(kernels.n, size, CHANNELS, generator) for size in kernels.sizes]
    errors, misplaced = (
        np.array([[_try(conv, patch, change, generator) for patch in kernels.patches] for conv in drawn])
        for change in (lambda layer: layer, misplace)
    )
    single = [[take_kernel(conv, number) for number in range(kernels.n)] for conv in drawn]
    sizes = (1, *kernels.patches)
    one_fewer = [[[float(smallest_errors(k, p)[-2]) for k in of] for p in kernels.patches] for of in single]
    heads = [[[count_heads(k, p) for k in of] for p in sizes] for of in single]
    largest = max(kernels.patches)
    fewer = [smallest_errors(of[0], largest).numpy() for of in single]
    fitted = [_fit(of[0], largest, len(line), generator) for of, line in zip(single, fewer, strict=True)]
    by_kind = [[count_heads(kernel, p) for p in sizes] for kernel in _draw_kinds(generator)]
    return Construction(
        kernels, errors, misplaced, *map(np.array, (one_fewer, heads, _pad(fewer), _pad(fitted), by_kind))
    )


def _try(conv: nn.Conv2d, patch: int, change, generator: torch.Generator) -> list[np.ndarray]:
    """(sharpness, kernels): relative errors on a random image."""
    layer = change(ConvAttention(conv, patch))
    images = torch.randn(1, CHANNELS, SIDE * patch, SIDE * patch, generator=generator, dtype=torch.float64)
    found = []
    for layer.sharpness in SHARPNESS:
        found.append(relative_errors(conv, layer, images).numpy())
    return found


def _fit(kernel: nn.Conv2d, patch: int, n: int, generator: torch.Generator) -> np.ndarray:
    """(n,): the error that 0, 1, … heads learn to reach; that of none and that of one for every offset are known."""
    return np.array([1.0, *(fit_error(kernel, patch, heads, generator) for heads in range(1, n - 1)), 0.0][:n])


def _pad(lines: list[np.ndarray]) -> np.ndarray:
    """Lines of different lengths as one array, NaN where a line has ended."""
    longest = max(map(len, lines))
    return np.array([np.pad(line, (0, longest - len(line)), constant_values=np.nan) for line in lines])


def _draw_kinds(generator: torch.Generator) -> list[nn.Conv2d]:
    """A kernel of 3×3 of each of `KINDS`."""
    corner, edge = torch.ones(3, 3, dtype=torch.bool), torch.ones(3, 3, dtype=torch.bool)
    corner[1], corner[:, 1] = False, False
    edge[1, 1] = False
    kernels = [draw_kernels(1, 3, CHANNELS, generator) for _ in KINDS]
    for kernel, mask in zip(kernels[1:], (corner, edge), strict=True):
        kernel.weight.data[..., mask] = 0
    return kernels


@dataclass(frozen=True)
class Convolution:
    """The construction, None where there is nothing to learn, attention by offset of each ViT, and `find_starts`."""

    offsets: dict[str, HeadOffsets]
    tried: Construction | None
    n_kernels: int = 0
    starts: dict[str, np.ndarray] = field(default_factory=dict)

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        found = {
            "offset_share": {role: each.share_array() for role, each in self.offsets.items()},
            "offset_distance": {role: each.distance_array() for role, each in self.offsets.items()},
        }
        return found | (_label(self.tried) | _label_starts(self.starts) if self.tried else {})

    def terms(self) -> dict[str, Terms]:
        """C1 to C3, over kernels, C4 and C5, over test images; not defined of what has nothing to learn, or has not."""
        found = compare_all(self.starts, COMPARED)
        if self.tried is None:
            unknown = {part: {(): np.full(self.n_kernels + 1, np.nan)} for part in ("C1", "C2", "C3")}
            return unknown | {part: {r: each * np.nan for r, each in terms.items()} for part, terms in found.items()}
        return {part: {(): replicates} for part, replicates in _find_replicates(self.tried).items()} | found


def _find_replicates(tried: Construction) -> dict[str, np.ndarray]:
    """Means over kernels of the worst of all sizes of kernels and patches."""
    larger = [size >= LEAST_FEWER for size in tried.kernels.sizes]
    of_kernels = {
        "C1": np.log10(tried.errors[:, :, -1]).max((0, 1)),
        "C2": np.log10(tried.one_fewer.clip(LEAST_ERROR)).min((0, 1)),
    }
    if any(larger):
        ratios = tried.heads[larger, 0] / tried.heads[larger, -1]
        of_kernels["C3"] = ratios.min(0)
    return {
        part: jackknife(len(each), lambda chosen, own=each: own[chosen].mean()) for part, each in of_kernels.items()
    }


def _label(tried: Construction) -> Measures:
    kernels = tried.kernels
    sizes, patches = {"kernel": kernels.sizes}, {"patch": kernels.patches}
    sharp = sizes | patches | {"sharpness": SHARPNESS}
    mean = {
        name: np.exp(np.log(each).mean(-1))
        for name, each in (("matched", tried.errors), ("misplaced", tried.misplaced))
    }
    heads = {"heads": range(tried.fewer.shape[1])}
    counted = {"patch": [1, *kernels.patches]}
    return {
        "conv_error": {name: LabelledArray(sharp, each) for name, each in mean.items()},
        "smallest_error": {
            "closed_form": LabelledArray(sizes | heads, tried.fewer),
            "fitted": LabelledArray(sizes | heads, tried.fitted),
        },
        "heads_needed": {
            "by_size": LabelledArray(sizes | counted, tried.heads[..., 0]),
            "by_kind": LabelledArray({"kernel": KINDS} | counted, tried.by_kind),
        },
    }


def _label_starts(starts: dict[str, np.ndarray]) -> Measures:
    """Accuracies by percent of the data and by start, means over trainings; nothing unless all are known."""
    names = [[f"{change.removeprefix('_') or 'free'}_{percent}pct" for change in STARTS.values()] for percent in SHARES]
    if not all(name in starts for line in names for name in line):
        return {}
    means = [[starts[name][:, 0].mean() for name in line] for line in names]
    return {"start_accuracy": {"vit": LabelledArray({"percent": SHARES, "start": STARTS}, means)}}


CHAPTER = Chapter(
    "convolution",
    measure_runs,
    control=measure_controls,
    rehearse=lambda models, run: Convolution(next(measure_offsets([models], run)), None, 1),
    open=open_kernels,
    required=VITS[:1],
    optional=VITS[1:],
    own=("kernel_sizes", "patch_sizes", "n_kernels"),
    vary=vary_runs,
)
