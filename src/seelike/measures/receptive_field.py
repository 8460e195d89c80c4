"""Section 5 of the paper: what part of the image does one position of a layer see?

The effective receptive field (Luo et al. 2017) of a layer is the absolute gradient of its centre position, or another,
with respect to the input, averaged over channels and images (Fig. 6, C.1–C.4).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import INPUT, check_first, evaluating, hooked, named_modules
from seelike.activations.tokens import split
from seelike.measures.intervals import Terms, jackknife
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

RASTER = 28  # cells a side of a field in a result file
LAYERS_AN_IMAGE = 6  # that are differentiated at one, about; with the forward pass five times its cost in a ViT
Choose = Callable[[np.ndarray, int], list[np.ndarray]]  # numbers in [0, 1) of images, channels → channels of images


def estimate_fields(
    model: nn.Module,
    minibatches: Iterable[torch.Tensor],
    names: list[str],
    team: int = 1,
    seed: int = 0,
) -> "ReceptiveFields":
    """Estimate what the centre position of the named layers sees, from a few backward passes an image.

    Each `team` consecutive images of a minibatch share the layers among them: in every team every layer is
    differentiated at one image, by one of its channels, drawn evenly. So each team gives of each layer, without bias
    and apart from all other teams, the mean over channels and images. Where a minibatch does not come out even, some
    teams are smaller.

    Args:
        minibatches: of shape (n, 3, height, width), in random order; small ones, for whole graphs are kept.
        names: layers that return (n, tokens, channels), or (n, channels, rows, columns).
        seed: of the channels.

    Raises InputError for a layer of another form, or one that runs more than once a pass.
    """
    return _measure(model, minibatches, names, team, seed, lambda drawn, width: [(drawn * width).astype(int)])


def average_fields(model: nn.Module, minibatches: Iterable[torch.Tensor], names: list[str]) -> "ReceptiveFields":
    """What `estimate_fields` estimates: the mean over all channels of each layer, a backward pass an image for each."""
    every = lambda drawn, width: [np.full(len(drawn), channel) for channel in range(width)]  # noqa: E731
    return _measure(model, minibatches, names, 1, 0, every)


@torch.inference_mode(False)  # whatever the caller's mode: these passes are differentiated
@torch.enable_grad()
def map_fields(
    model: nn.Module, images: torch.Tensor, names: list[str], points: np.ndarray, seed: int = 0
) -> np.ndarray:
    """What other positions see: the fields of `estimate_fields`, of a few images, (points, layers, height, width).

    All points are differentiated at once, of every image by the same channels.

    Args:
        points: (points, 2), as shares of the height and the width; of each layer the position that holds one is taken.

    Raises InputError as `estimate_fields` does.
    """
    drawn = np.random.default_rng(seed).random((len(images), len(names)))
    repeated = images.detach().repeat(len(points), 1, 1, 1).requires_grad_()
    every, found = np.arange(len(repeated)), []
    for of_images, (name, x) in zip(drawn.T, _keep(model, repeated, names).items(), strict=True):
        grid = split(model, name, x, repeated).grid
        rows, columns = (points * grid.shape[1:3]).astype(int).repeat(len(images), 0).T
        position = grid[every, rows, columns]
        channels = np.tile((of_images * position.shape[1]).astype(int), len(points))
        found.append(_differentiate(position, repeated, [channels])[0])
    return np.stack(found).reshape(len(names), len(points), len(images), *images.shape[2:]).mean(2).swapaxes(0, 1)


def choose_team(*layers: int) -> int:
    """How many images share models of so many layers, so that few layers fall to an image."""
    return -(-max(layers) // LAYERS_AN_IMAGE)


@dataclass(frozen=True)
class Window:
    """The pixels of one position: rows `top` to `bottom` and columns `left` to `right`, the ends not included."""

    top: float
    bottom: float
    left: float
    right: float


@dataclass(frozen=True)
class ReceptiveFields:
    """Mean absolute gradients of one position, mostly the centre.

    `values` is (layers, height, width), the mean over teams of images; `windows` the position's own pixels;
    `sums` (teams, layers, 3) the mass of each team's gradient, that mass times its radius, and its mass on the own
    patch; `squares` the same of squared gradients. A team is the unit that intervals draw anew: it has its own images
    and its own channels of every layer.
    """

    layers: tuple[str, ...]
    windows: dict[str, Window]
    values: np.ndarray
    sums: np.ndarray
    squares: np.ndarray | None = None

    def square(self) -> "ReceptiveFields":
        """The same with squared gradients in place of absolute ones, but for `values`."""
        return replace(self, sums=self.squares)

    def radii(self, teams: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(layers,): the `effective_radius` of the mean field of some teams."""
        return _divide(*self.sums[teams, :, 1::-1].sum(0).T)

    def shares(self, teams: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(layers,): the `own_share` of the mean field of some teams."""
        return _divide(*self.sums[teams, :, ::-2].sum(0).T)

    def replicates(self, effect: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
        """Those of `effect`, a function of all `radii` and `shares`, over teams: (teams + 1,)."""
        return jackknife(len(self.sums), lambda teams: effect(self.radii(teams), self.shares(teams)))

    def errors(self) -> tuple[np.ndarray, np.ndarray]:
        """(layers,) each: standard errors of radii and shares, for images and channels are a sample; NaN for one team.

        Those of a ratio of two means (delta method), from how far its teams lie apart.
        """
        mass, radius, own = np.moveaxis(self.sums, 2, 0)
        return _find_error(radius, mass), _find_error(own, mass)

    def raster(self, cells: int = RASTER) -> np.ndarray:
        """(layers, cells, cells) for a figure, see `raster`."""
        return raster(self.values, cells)

    def find(self, layers: Iterable[str]) -> list[int]:
        """The indices of some layers among all."""
        return [self.layers.index(name) for name in layers]


def raster(fields: np.ndarray, cells: int) -> np.ndarray:
    """The means of fields (…, height, width) over cells, relative to a field's largest: (…, cells, cells)."""
    means = nn.functional.adaptive_avg_pool2d(torch.from_numpy(fields), cells).numpy()
    with np.errstate(invalid="ignore"):  # NaN where nothing changes a layer
        return means / means.max((-2, -1), keepdims=True)


def effective_radius(field: np.ndarray, window: Window) -> float:
    """Mean distance of the gradient's mass (height, width) from the middle of the window.

    Given as a share of an even field's: 0 for a field on the middle alone, 1 for one that is the same everywhere.
    """
    mass, radius, _ = _weigh(field[None], window)[0]
    return float(radius / mass)


def own_share(field: np.ndarray, window: Window) -> float:
    """Share of the gradient's mass (height, width) inside the window."""
    mass, _, own = _weigh(field[None], window)[0]
    return float(own / mass)


@dataclass(frozen=True)
class Branches:
    """Layer names of a ViT's two sublayers, of every block that has both: branches, and the sums they are added to.

    The sum of an MLP branch is what the block returns.
    """

    attention: tuple[str, ...]
    attention_sums: tuple[str, ...]
    mlp: tuple[str, ...]
    mlp_sums: tuple[str, ...]

    @property
    def inside(self) -> tuple[str, ...]:
        """All of them that are not blocks."""
        return self.attention + self.attention_sums + self.mlp


def find_branches(architecture: Architecture, model: nn.Module) -> Branches:
    """Those of the model that is built so; empty where no block has both sublayers and the sum between them."""
    names, modules = architecture.names("all"), dict(named_modules(model))
    blocks = [
        name
        for name in architecture.names()
        if {f"{name}.attn", f"{name}.norm2{INPUT}"} <= set(names) and f"{name}.mlp" in modules
    ]
    ends = (".attn", f".norm2{INPUT}", ".mlp", "")
    return Branches(*(tuple(name + end for name in blocks) for end in ends))


def arrays(fields: dict[str, ReceptiveFields]) -> Measures:
    """Labelled arrays of several models for a result file: pictures, radii and own shares with standard errors."""
    cells = range(RASTER)
    found: Measures = {"receptive_field": {}, "effective_radius": {}, "own_share": {}}
    found |= {"effective_radius_error": {}, "own_share_error": {}}
    for role, each in fields.items():
        layer = {"layer": list(each.layers)}
        found["receptive_field"][role] = LabelledArray(layer | {"y": cells, "x": cells}, each.raster())
        found["effective_radius"][role] = LabelledArray(layer, each.radii())
        found["own_share"][role] = LabelledArray(layer, each.shares())
        for measure, error in zip(("effective_radius_error", "own_share_error"), each.errors(), strict=True):
            found[measure][role] = LabelledArray(layer, error)
    return found


def find_terms(vit: ReceptiveFields, cnn: ReceptiveFields, branches: Branches, parts: int = 3) -> dict[str, Terms]:
    """A4, and A5 where there are branches, over teams of images, the same for both models, and their channels.

    Args:
        vit: of the blocks and of all that is `inside` of them.
        cnn: of the blocks.
        parts: 3 for thirds of the depth.
    """
    blocks = vit.find(name for name in vit.layers if name not in branches.inside)
    low_vit = vit.replicates(lambda radii, _: lowest_third_radius(radii[blocks], parts))
    low_cnn = cnn.replicates(lambda radii, _: lowest_third_radius(radii, parts))
    found: dict[str, Terms] = {
        "A4a": {("vit",): low_vit, ("cnn",): -low_cnn},
        "A4b": {("cnn",): low_cnn},
        "A4c": {("vit",): vit.replicates(lambda radii, _: middle_third_radius(radii[blocks], parts))},
    }
    if branches.attention:
        attention, sums, mlp = map(vit.find, (branches.attention, branches.attention_sums, branches.mlp))
        gain = vit.replicates(lambda _, shares: residual_share_gain(shares[attention], shares[sums]))
        lead = vit.replicates(lambda _, shares: late_mlp_share_lead(shares[attention], shares[mlp]))
        found |= {"A5a": {("vit",): gain}, "A5b": {("vit",): lead}}
    return found


def lowest_third_radius(radii: np.ndarray, parts: int = 3) -> float:
    """A4a, A4b: mean effective radius of the lowest third of blocks."""
    return float(radii[: max(1, len(radii) // parts)].mean())


def middle_third_radius(radii: np.ndarray, parts: int = 3) -> float:
    """A4c: mean effective radius of the middle third of blocks: a third, rounded down, with as many on either side.

    Where those are not even, one block more follows than precedes.
    """
    third = max(1, len(radii) // parts)
    start = (len(radii) - third) // 2
    return float(radii[start : start + third].mean())


def residual_share_gain(attention: np.ndarray, sums: np.ndarray) -> float:
    """A5a: mean share of the own patch in residual sums − in the attention branches added to them, (blocks,) each."""
    return float((sums - attention).mean())


def late_mlp_share_lead(attention: np.ndarray, mlp: np.ndarray) -> float:
    """A5b: mean share of the own patch in MLP branches − in attention branches, (blocks,) each, of the later half.

    Of an odd number of blocks the one in the middle counts to it.
    """
    return float((mlp - attention)[len(mlp) // 2 :].mean())


@torch.inference_mode(False)  # whatever the caller's mode: these passes are differentiated
@torch.enable_grad()
def _measure(
    model: nn.Module,
    minibatches: Iterable[torch.Tensor],
    names: list[str],
    team: int,
    seed: int,
    choose: Choose,
) -> ReceptiveFields:
    rng, totals, windows, sums, squares = np.random.default_rng(seed), {}, {}, [], []
    for images in minibatches:
        drawn = rng.random((-(-len(images) // team), len(names)))
        weights, squared = np.zeros((2, *drawn.shape, 3))
        for index, teams, window, (fields, square) in _see(model, images, names, team, drawn, choose):
            windows[names[index]] = window
            totals[index] = totals.get(index, 0.0) + fields.sum(0)
            weights[teams, index], squared[teams, index] = _weigh(fields, window), _weigh(square, window)
        sums, squares = [*sums, *weights], [*squares, *squared]
    if not sums:
        raise InputError("receptive fields need at least one image")
    values = np.stack([totals[index] for index in range(len(names))]) / len(sums)
    return ReceptiveFields(tuple(names), windows, values, np.array(sums), np.array(squares))


def _see(
    model: nn.Module,
    images: torch.Tensor,
    names: list[str],
    team: int,
    drawn: np.ndarray,
    choose: Choose,
) -> Iterator[tuple[int, slice, Window, np.ndarray]]:
    """Index of a layer, teams, its window and the fields of those teams and their squares, (2, teams, height, width).

    One graph at a time.
    """
    for teams, members, indices in _share_out(len(images), team, len(names)):
        some = images[members].detach().clone().requires_grad_()
        kept = _keep(model, some, [names[index] for index in indices])
        for index, (name, x) in zip(indices, kept.items(), strict=True):
            position, window = _find_centre(model, name, x, some)
            channels = choose(drawn[teams, index], position.shape[1])
            yield index, teams, window, _differentiate(position, some, channels)


def _share_out(n_images: int, team: int, n_layers: int) -> Iterator[tuple[slice, slice, range]]:
    """Teams of one size, an image of each, and its layers: each layer falls to one image of every team."""
    n_teams = -(-n_images // team)
    size, n_larger = divmod(n_images, n_teams)
    middle = n_larger * (size + 1)
    larger = slice(0, n_larger), slice(0, middle), size + 1
    others = slice(n_larger, n_teams), slice(middle, n_images), size
    for teams, members, each in (larger, others):
        for first in range(min(each, n_layers) if teams.stop > teams.start else 0):
            yield teams, slice(members.start + first, members.stop, each), range(first, n_layers, each)


def _weigh(fields: np.ndarray, window: Window) -> np.ndarray:
    """Of fields (n, height, width): mass, mass times radius, and mass inside the window, (n, 3)."""
    y, x = np.indices(fields.shape[1:]) + 0.5
    distance = np.hypot(y - (window.top + window.bottom) / 2, x - (window.left + window.right) / 2)
    own = (y > window.top) & (y < window.bottom) & (x > window.left) & (x < window.right)
    parts = np.stack([np.ones(own.shape), distance / distance.mean(), own])
    return fields.reshape(len(fields), -1) @ parts.reshape(3, -1).T


def _divide(parts: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """NaN where nothing changes a layer."""
    with np.errstate(invalid="ignore"):
        return parts / masses


def _find_error(parts: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Standard error (layers,) of the ratio of two means over teams (teams, layers)."""
    n, mass = len(parts), masses.sum(0)
    if n == 1:
        return np.full(len(mass), math.nan)
    rest = parts - masses * _divide(parts.sum(0), mass)
    return _divide(np.sqrt(n / (n - 1) * (rest**2).sum(0)), mass)


def _keep(model: nn.Module, images: torch.Tensor, names: list[str]) -> dict[str, torch.Tensor]:
    """The named layers' outputs with their graph; copies, so that nothing later changes them in place."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        check_first(name, kept)
        kept[name] = output.clone()

    with evaluating(model), hooked(model, names, keep):
        model(images)
    return {name: kept[name] for name in names}


def _find_centre(model: nn.Module, name: str, x: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, Window]:
    """The channels (n, channels) of the position that holds the centre, and its own pixels."""
    height, width = images.shape[-2:]
    grid = split(model, name, x, images).grid
    rows, columns = grid.shape[1:3]
    row, column = rows // 2, columns // 2
    window = Window(
        row * height / rows, (row + 1) * height / rows, column * width / columns, (column + 1) * width / columns
    )
    return grid[:, row, column], window


def _differentiate(position: torch.Tensor, images: torch.Tensor, channels: list[np.ndarray]) -> np.ndarray:
    """|∂ channel / ∂ image| and its square, each summed over colours: (2, n, height, width).

    The mean over the choices in `channels`, each of which is one channel for every image, (n,): images do not depend
    on one another, so one backward pass differentiates all.
    """
    total, every = images.new_zeros(2, len(images), *images.shape[2:]), np.arange(len(images))
    for choice in channels:
        (gradient,) = torch.autograd.grad(position[every, choice].sum(), images, retain_graph=True)
        total += torch.stack([gradient.abs().sum(1), gradient.square().sum(1)])
    return (total / len(channels)).double().cpu().numpy()
