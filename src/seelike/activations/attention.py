"""Attention maps and the outputs of single heads, as a forward pass makes them.

timm's attention modules pass their softmaxed maps through `attn_drop`, unless they are fused into one operation;
and what the heads return, side by side, through `proj`. Both are read there, for any family that is built so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import INPUT, find_blocks, hooked, named_modules
from seelike.activations.tokens import find_grid
from seelike.system.errors import THE_MODEL, InputError

Reduce = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Grid:
    """Where a ViT's tokens lie: after the prefix tokens rows × columns of patches, `height` × `width` pixels each."""

    rows: int
    columns: int
    height: float
    width: float
    n_prefix: int  # CLS, registers, distillation

    @property
    def n_tokens(self) -> int:
        """Of prefix and patches."""
        return self.n_prefix + self.rows * self.columns

    def distances(self) -> torch.Tensor:
        """Between patch centres, in pixels: (patches, patches) float64, patches counted row by row."""
        y, x = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        centres = torch.stack([y.flatten() * self.height, x.flatten() * self.width], 1).double()
        return torch.cdist(centres, centres)


@dataclass(frozen=True)
class Map:
    """What one image's map of an attention is: its `shape`, and whether its rows sum to 1; it should have `n_heads`."""

    shape: tuple[int, ...]
    sums_to_one: bool
    n_heads: int

    def find_fault(self, n_tokens: int) -> tuple[str, str]:
        """What it is asked to be, and what it is instead; both "" for (1, heads, tokens, tokens) of sum 1."""
        if len(self.shape) != 4 or (self.shape[0], *self.shape[2:]) != (1, n_tokens, n_tokens):
            return "with attention among all patches", f"the maps have shape {self.shape}"
        if self.shape[1] != self.n_heads:
            return "one map a head", f"{self.n_heads} heads have {self.shape[1]} maps"
        if not self.sums_to_one:
            return "with rows that sum to 1", "they do not"
        return "", ""


@contextmanager
def reading_forms(model: nn.Module) -> Iterator[dict[str, Map | InputError]]:
    """Context in which a pass of one image, twice, fills {attention: its map's form, or why it has none}."""
    n_heads = {name: attention.num_heads for name, attention in find_attention(model).items()}
    forms: dict[str, Map | InputError] = {}

    def see(name: str, attention: torch.Tensor) -> None:
        one = attention[: len(attention) // 2]
        found = Map(tuple(one.shape), rows_sum_to_one(one), n_heads[name])
        forms[name] = _refuse_twice(name) if name in forms else found

    with _watching(model, list(n_heads), "attn_drop", see):
        yield forms


def find_attention_grid(model: nn.Module, forms: dict[str, Map | InputError], images: torch.Tensor) -> Grid:
    """The grid among all of whose patches a model attends, from what `reading_forms` gave for images of this size.

    Raises InputError if it has none.
    """
    complaint = f"{THE_MODEL} must be a ViT, whose attention weights are accessible, such as DeiT or BEiT"
    family, twofold = type(model).__name__, find_differential(model)
    if twofold:
        raise InputError(f"{complaint}, one map a head; {twofold} of {family} is differential attention, with two")
    refused = next((form for form in forms.values() if isinstance(form, InputError)), None)
    if refused or not forms:
        raise InputError(str(refused or f"{complaint}; {family} has none"))
    name, first = next(iter(forms.items()))
    try:
        rows, columns, n_prefix = find_grid(model, name, first.shape[-1], images)
    except InputError as error:
        raise InputError(f"{complaint}; {family}: {error}") from None
    for name, form in forms.items():
        wanted, fault = form.find_fault(n_prefix + rows * columns)
        if fault:
            raise InputError(f"{complaint}, {wanted}; in the {name} of {family} {fault}")
    if len({form.n_heads for form in forms.values()}) > 1:
        raise InputError(f"{THE_MODEL} must have the same number of heads in every block")
    return Grid(rows, columns, images.shape[-2] / rows, images.shape[-1] / columns, n_prefix)


def find_attention(model: nn.Module) -> dict[str, nn.Module]:
    """Module name → attention module, in the order of the blocks; a pooling by attention after them is left out."""
    blocks = tuple(f"{block}." for block in find_blocks(model))
    return {
        name: module
        for name, module in named_modules(model)
        if name.startswith(blocks) and all(hasattr(module, part) for part in ("attn_drop", "proj", "num_heads"))
    }


def find_differential(model: nn.Module) -> str | None:
    """The first module whose heads are the difference of two attention maps (Ye et al. 2024), as timm builds them."""
    return next((name for name, module in named_modules(model) if hasattr(module, "lambda_init")), None)


def read_maps(model: nn.Module, images: torch.Tensor, reduce: Reduce = torch.clone) -> dict[str, torch.Tensor]:
    """Module name of each attention → `reduce` of its map: (images, heads, queries, keys), rows that sum to 1."""
    return read_once(model, images, reading_maps(model, reduce))[0]


def read_heads(model: nn.Module, images: torch.Tensor, name: str) -> torch.Tensor:
    """What each head of one attention returns, before it is mixed with the others: (images, heads, tokens, width)."""
    return read_once(model, images, reading_heads(model, name, torch.clone))[0][name]


def reading_maps(model: nn.Module, reduce: Reduce) -> Reading:
    """Context in which one pass fills what `read_maps` gives."""
    return _reading(model, list(find_attention(model)), "attn_drop", reduce)


def reading_map(model: nn.Module, name: str, reduce: Reduce) -> Reading:
    """Context in which one pass fills {name: `reduce` of that attention's map}, as `read_maps` gives it."""
    return _reading(model, [name], "attn_drop", reduce)


def reading_heads(model: nn.Module, name: str, reduce: Reduce) -> Reading:
    """Context in which one pass fills {name: `reduce` of what `read_heads` gives}."""
    n_heads = find_attention(model)[name].num_heads
    return _reading(model, [name], "proj", lambda mixed: reduce(mixed.unflatten(-1, (n_heads, -1)).transpose(1, 2)))


@contextmanager
def _reading(model: nn.Module, names: list[str], part: str, reduce: Reduce) -> Iterator[dict[str, torch.Tensor]]:
    """What one part of attention modules takes in, reduced as it comes by."""
    found: dict[str, torch.Tensor] = {}

    def see(name: str, tensor: torch.Tensor) -> None:
        if name in found:
            raise _refuse_twice(name)
        found[name] = reduce(tensor)

    with _watching(model, names, part, see):
        yield found


def _refuse_twice(name: str) -> InputError:
    return InputError(f"layer {name} attends more than once in a forward pass: its maps are not defined")


@contextmanager
def _watching(
    model: nn.Module, names: list[str], part: str, see: Callable[[str, torch.Tensor], None]
) -> Iterator[None]:
    """Context in which `see` is called with the name of an attention and what one part of it takes in."""
    inputs = {f"{name}.{part}{INPUT}": name for name in names}
    with _unfused(model), hooked(model, list(inputs), lambda key, tensor: see(inputs[key], tensor)):
        yield


def rows_sum_to_one(attention: torch.Tensor) -> bool:
    """Whether the weights (…, queries, keys) of every query sum to 1, within 0.001."""
    return bool(((attention.float().sum(-1) - 1).abs() < 1e-3).all())


@contextmanager
def _unfused(model: nn.Module) -> Iterator[None]:
    """Context in which attention is computed step by step, so that its maps exist."""
    fused = [module for module in model.modules() if getattr(module, "fused_attn", False)]
    for module in fused:
        module.fused_attn = False
    try:
        yield
    finally:
        for module in fused:
            module.fused_attn = True
