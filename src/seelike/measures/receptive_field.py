"""Section 5 of the paper: what part of the image does one position of a layer see?

The effective receptive field (Luo et al. 2017) of a layer is the absolute gradient of its centre position with
respect to the input, averaged over channels and images (Fig. 6, C.1–C.4).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.layers import INPUT, evaluating, find_layers, hooked
from seelike.activations.tokens import split
from seelike.measures.intervals import Estimate, bootstrap
from seelike.system.errors import InputError

RASTER = 28  # cells a side of a field in a result file


def measure(
    model: nn.Module, minibatches: Iterable[torch.Tensor], names: list[str], n_channels: int = 8
) -> "ReceptiveFields":
    """Differentiate the centre position of the named layers with respect to the images.

    Args:
        minibatches: of shape (n, 3, height, width); small ones, for a whole graph is kept for each.
        names: layers that put out (n, tokens, channels), or (n, channels, rows, columns).
        n_channels: how many of a layer's channels, evenly spread, the mean is taken over.

    Raises InputError for a layer of another form.
    """
    total, sums, windows = 0.0, [], {}
    for images in minibatches:
        images = images.detach().clone().requires_grad_()
        centres = {name: _find_centre(model, name, x, images) for name, x in _keep(model, images, names).items()}
        windows = {name: window for name, (_, window) in centres.items()}
        fields = np.stack([_differentiate(x, images, n_channels) for x, _ in centres.values()], 1)
        total = total + fields.sum(0)
        sums += [[_weigh(f, windows[name]) for f, name in zip(image, names, strict=True)] for image in fields]
    if not sums:
        raise InputError("receptive fields need at least one image")
    return ReceptiveFields(tuple(names), windows, total / len(sums), np.array(sums))


@dataclass(frozen=True)
class Window:
    """The pixels of one position: rows `top` to `bottom` and columns `left` to `right`, the ends not included."""

    top: float
    bottom: float
    left: float
    right: float


@dataclass(frozen=True)
class ReceptiveFields:
    """Mean absolute gradients of the centre position.

    `values` is (layers, height, width), the mean over images; `windows` the centre position's own pixels; `sums`
    (images, layers, 3) the mass of each image's gradient, that mass times its radius, and its mass on the own patch.
    """

    layers: tuple[str, ...]
    windows: dict[str, Window]
    values: np.ndarray
    sums: np.ndarray

    def radii(self, images: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(layers,): the `effective_radius` of the mean field of some images."""
        mass, radius, _ = self.sums[images].sum(0).T
        return radius / mass

    def shares(self, images: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(layers,): the `own_share` of the mean field of some images."""
        mass, _, own = self.sums[images].sum(0).T
        return own / mass

    def raster(self) -> np.ndarray:
        """(layers, 28, 28) for a figure: the mean over each cell, relative to the largest cell."""
        cells = nn.functional.adaptive_avg_pool2d(torch.from_numpy(self.values), RASTER).numpy()
        with np.errstate(invalid="ignore"):  # NaN where nothing changes a layer
            return cells / cells.max((1, 2), keepdims=True)

    def places(self, layers: Iterable[str]) -> list[int]:
        """Where some layers stand among all."""
        return [self.layers.index(name) for name in layers]


def effective_radius(field: np.ndarray, window: Window) -> float:
    """Mean distance of the gradient's mass (height, width) from the middle of the window.

    Given as a share of an even field's: 0 for a field on the middle alone, 1 for one that is the same everywhere.
    """
    y, x = np.indices(field.shape) + 0.5
    distance = np.hypot(y - (window.top + window.bottom) / 2, x - (window.left + window.right) / 2)
    return float((field * distance).sum() / field.sum() / distance.mean())


def own_share(field: np.ndarray, window: Window) -> float:
    """Share of the gradient's mass (height, width) inside the window."""
    y, x = np.indices(field.shape) + 0.5
    own = (y > window.top) & (y < window.bottom) & (x > window.left) & (x < window.right)
    return float(field[own].sum() / field.sum())


def find_branches(parameter: str, model: nn.Module, images: torch.Tensor) -> dict[str, str]:
    """Attention branch → the residual sum that it is added to, by layer name, in every block that has both."""
    names = [layer.name for layer in find_layers(parameter, model, "all", images)]
    pairs = {name: name.removesuffix(".attn") + ".norm2" + INPUT for name in names if name.endswith(".attn")}
    return {branch: total for branch, total in pairs.items() if total in names}


def arrays(fields: dict[str, ReceptiveFields]) -> dict[str, dict]:
    """Labelled arrays of several models for a result file: pictures, radii and own shares."""
    cells = list(range(RASTER))
    found: dict[str, dict] = {"receptive_field": {}, "effective_radius": {}, "own_share": {}}
    for which, each in fields.items():
        layer = {"layer": list(each.layers)}
        found["receptive_field"][which] = {"axes": layer | {"y": cells, "x": cells}, "values": each.raster()}
        found["effective_radius"][which] = {"axes": layer, "values": each.radii()}
        found["own_share"][which] = {"axes": layer, "values": each.shares()}
    return found


def compare(vit: ReceptiveFields, cnn: ReceptiveFields, branches: dict[str, str], seed: int) -> dict[str, Estimate]:
    """A4 and A5 with intervals over images, the same for both models.

    Args:
        vit: of the blocks, and of the `branches` and their sums.
        cnn: of the blocks.
        branches: as `find_branches` gives them.
    """
    inside = {*branches, *branches.values()}
    blocks = vit.places(name for name in vit.layers if name not in inside)
    before, after = vit.places(branches), vit.places(branches.values())
    effects = {
        "A4": lambda images: start(vit.radii(images)[blocks]) - start(cnn.radii(images)),
        "A5": lambda images: gain(vit.shares(images)[before], vit.shares(images)[after]),
    }
    return {claim: bootstrap(np.arange(len(vit.sums)), effect, seed) for claim, effect in effects.items()}


def start(radii: np.ndarray) -> float:
    """A4: mean effective radius of the lowest third of blocks."""
    return float(radii[: max(1, len(radii) // 3)].mean())


def gain(before: np.ndarray, after: np.ndarray) -> float:
    """A5: mean share of the own patch in residual sums − in attention branches; NaN if there are none."""
    return float((after - before).mean()) if len(before) else math.nan


def _weigh(field: np.ndarray, window: Window) -> tuple[float, float, float]:
    mass = field.sum()
    if not mass:
        return mass, math.nan, math.nan
    return mass, mass * effective_radius(field, window), mass * own_share(field, window)


def _keep(model: nn.Module, images: torch.Tensor, names: list[str]) -> dict[str, torch.Tensor]:
    """The named layers' outputs with their graph; copies, so that nothing later changes them in place."""
    kept = {}
    with torch.enable_grad(), evaluating(model), hooked(model, names, lambda name, x: kept.setdefault(name, x.clone())):
        model(images)
    return {name: kept[name] for name in names}


def _find_centre(model: nn.Module, name: str, x: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, Window]:
    """The centre position's channels (n, channels) and its own pixels."""
    height, width = images.shape[-2:]
    grid = split(model, name, x, images).grid
    rows, columns = grid.shape[1:3]
    row, column = rows // 2, columns // 2
    window = Window(
        row * height / rows, (row + 1) * height / rows, column * width / columns, (column + 1) * width / columns
    )
    return grid[:, row, column], window


def _differentiate(centre: torch.Tensor, images: torch.Tensor, n_channels: int) -> np.ndarray:
    """|∂ channel / ∂ image|, summed over colours, averaged over channels: (n, height, width)."""
    chosen = np.unique(np.linspace(0, centre.shape[1] - 1, n_channels).round().astype(int))
    total = torch.zeros_like(images[:, 0])
    for channel in chosen:
        (gradient,) = torch.autograd.grad(centre[:, channel].sum(), images, retain_graph=True)
        total += gradient.abs().sum(1)
    return (total / len(chosen)).double().cpu().numpy()
