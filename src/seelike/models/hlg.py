"""HLG made small: a pyramid of layers that attend inside windows and across them (Zhang et al. 2024, arXiv 2207.09339).

The layer is that of the authors' code: an MLP with a depthwise convolution, which also halves the grid where a stage
begins; a bottleneck of convolutions; attention inside windows of 7×7 tokens, neighbours in one layer and, dilated, far
apart in the next, whose queries are its keys, with a bias that a small network makes of offsets; then attention of
every token to the means of all windows. The last stage is one window. Group norms stand for the authors' batch norms.

Designs differ in what attention reaches, never in their parameters: `local` lets the second attention look at the
token's own window, `global` the first at the means of all windows; `random` has windows of tokens drawn at random.
They learn the class of a drawing and the label of each of its pixels, by a decoder that reads all stages.
"""

from dataclasses import dataclass
from functools import partial
from math import sqrt

import timm
import torch
from timm.layers import LayerNorm2d, to_2tuple
from timm.models import build_model_with_cfg, register_model
from torch import nn

from seelike.models import windows
from seelike.models.bundled import build
from seelike.models.bundled import default_cfgs as default_cfgs  # where timm looks for them
from seelike.models.dense import Decoder
from seelike.system.errors import InputError

WIDTHS = (32, 64, 96)  # of the stages
LAYERS = 2  # of a stage: plain windows, then dilated ones
WIDTH_OF_HEAD = 16
EXPANSION = 4  # of MLPs
CHANNELS_OF_GROUP = 8  # of group norms
HIDDEN = 16  # of the network of offsets
REDUCTION = 2  # of the stem
STEP = REDUCTION * 2 ** (len(WIDTHS) - 1) * windows.WINDOW  # pixels: images are so many a side, or a multiple


@dataclass(frozen=True)
class Design:
    """What the first and the second attention reach, and whether windows are drawn at random."""

    first_across: bool = False
    second_across: bool = True
    random: bool = False


FULL, LOCAL, GLOBAL, RANDOM = "hlg_pocket_56", "hlg_pocket_local_56", "hlg_pocket_global_56", "hlg_pocket_random_56"
DESIGNS = {
    FULL: Design(),
    LOCAL: Design(second_across=False),
    GLOBAL: Design(first_across=True),
    RANDOM: Design(random=True),
}


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int, bias: torch.Tensor | float = 0.0):
    """Multi-head attention of queries (…, queries, width) to keys and values (…, keys, width): (…, queries, width).

    Args:
        bias: (…, heads, queries, keys), added to the logits.
    """
    q, k, v = (each.unflatten(-1, (heads, -1)).transpose(-3, -2) for each in (q, k, v))
    weights = (q / sqrt(q.shape[-1]) @ k.mT + bias).softmax(-1)
    return (weights @ v).transpose(-3, -2).flatten(-2)


class OffsetBias(nn.Module):
    """A bias of each head for the offset of a query and a key: (…, queries, keys, 2) → (…, heads, queries, keys)."""

    def __init__(self, heads: int, offsets: torch.Tensor):
        super().__init__()
        alike = (offsets == offsets[:1]).all()
        self.register_buffer("offsets", offsets[:1] if alike else offsets, persistent=False)
        self.hidden, self.out = nn.Linear(2, HIDDEN), nn.Linear(HIDDEN, heads)

    def forward(self) -> torch.Tensor:
        return self.out(self.hidden(self.offsets).relu()).movedim(-1, -3)


class Windows(nn.Module):
    """Cuts tokens (n, tokens, width) into windows (n, windows, 49, width), and puts them together again."""

    def __init__(self, members: torch.Tensor):
        super().__init__()
        self.shape = tuple(members.shape)
        self.register_buffer("members", members.flatten(), persistent=False)
        self.register_buffer("back", members.flatten().argsort(), persistent=False)

    def cut(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.index_select(1, self.members).unflatten(1, self.shape)

    def join(self, cut: torch.Tensor) -> torch.Tensor:
        return cut.flatten(1, 2).index_select(1, self.back)


class First(nn.Module):
    """The first attention: queries are keys; inside windows, or across them to the mean keys and values of each."""

    def __init__(self, width: int, heads: int, members: torch.Tensor, side: int, across: bool):
        super().__init__()
        self.heads, self.across, self.windows = heads, across, Windows(members)
        self.norm, self.query, self.value = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        at = windows.places(members, side)
        everywhere = windows.places(torch.arange(side * side), side)
        self.bias = OffsetBias(
            heads, windows.measure_offsets(everywhere, at.mean(1))[None] if across else windows.measure_offsets(at, at)
        )

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What attention adds to tokens (n, tokens, width), and their queries."""
        normed = self.norm(tokens)
        query, value = self.query(normed), self.value(normed)
        keys, values = self.windows.cut(query), self.windows.cut(value)
        if self.across:
            return attend(query, keys.mean(2), values.mean(2), self.heads, self.bias()), query
        return self.windows.join(attend(keys, keys, values, self.heads, self.bias())), query


class Second(nn.Module):
    """The second attention: across windows, to the mean of each, or inside the token's own window."""

    def __init__(self, width: int, heads: int, members: torch.Tensor, side: int, across: bool):
        super().__init__()
        self.heads, self.across, self.side, self.windows = heads, across, side, Windows(members)
        self.norm_found, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.near = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, query: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        """What it adds to tokens, whose queries in the first attention found something: (n, tokens, width) each."""
        query = query + to_tokens(self.near(to_map(self.norm_found(found), self.side)))
        seen = self.windows.cut(tokens)
        seen = self.norm(seen.mean(2) if self.across else seen)
        keys, values = self.key(seen), self.value(seen)
        if self.across:
            return attend(query, keys, values, self.heads)
        return self.windows.join(attend(self.windows.cut(query), keys, values, self.heads))


class Layer(nn.Module):
    """MLP, bottleneck, first and second attention of maps (n, inputs, rows, columns); the last stage has no second.

    Args:
        side: of the grid that the layer returns, in tokens.
        stride: 2 where the layer halves the grid.
        members: the windows, (windows, tokens).
    """

    def __init__(self, inputs: int, width: int, side: int, stride: int, members: torch.Tensor, design: Design):
        super().__init__()
        heads, self.side, last = width // WIDTH_OF_HEAD, side, len(members) == 1
        self.shortcut = nn.Identity() if inputs == width and stride == 1 else nn.Conv2d(inputs, width, 1, stride)
        self.mlp, self.norm = _make_mlp(inputs, width, stride), LayerNorm2d(width)
        self.bottleneck = _make_bottleneck(width)
        self.first = First(width, heads, members, side, design.first_across and not last)
        self.second = None if last else Second(width, heads, members, side, design.second_across)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.shortcut(x) + self.norm(self.mlp(x))
        x = nn.functional.gelu(x + self.bottleneck(x))
        tokens = to_tokens(x)
        found, query = self.first(tokens)
        tokens = tokens + found
        if self.second is not None:
            tokens = tokens + self.second(tokens, query, found)
        return to_map(tokens, self.side)


class Stage(nn.Module):
    """Layers of one grid, the first of which halves that of the stage before."""

    def __init__(self, number: int, inputs: int, side: int, design: Design):
        super().__init__()
        width, stride = WIDTHS[number], 1 if number == 0 else 2
        self.blocks = nn.Sequential()
        for i in range(LAYERS):
            members = _choose_windows(number, i, side, design)
            layer = Layer(width if i else inputs, width, side, 1 if i else stride, members, design)
            self.blocks.append(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x)


class HLG(nn.Module):
    """The pyramid: a stem of stride 2, stages of 28, 14 and 7 tokens a side for images of 56 pixels, a linear head.

    Beside the head there is a decoder, which labels pixels.

    Args:
        img_size: pixels a side, a multiple of 56.

    Raises InputError for another size.
    """

    def __init__(
        self, design: Design, img_size: int | tuple[int, int] = STEP, in_chans: int = 3, num_classes: int = 10
    ):
        super().__init__()
        size, width = to_2tuple(img_size)
        if size != width or size < STEP or size % STEP:
            raise InputError(f"img_size must be a multiple of {STEP} pixels, as high as wide, for HLG, not {img_size}")
        self.num_classes, self.num_features, self.size = num_classes, WIDTHS[-1], size
        self.stem = nn.Sequential(nn.Conv2d(in_chans, WIDTHS[0], 3, REDUCTION, 1), _norm(WIDTHS[0]), nn.GELU())
        sides = [size // REDUCTION // 2**number for number in range(len(WIDTHS))]
        inputs = (WIDTHS[0], *WIDTHS[:-1])
        self.stages = nn.Sequential(*(Stage(number, inputs[number], side, design) for number, side in enumerate(sides)))
        self.norm = LayerNorm2d(self.num_features)
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()
        self.decoder = Decoder(WIDTHS)

    def forward_levels(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The maps of all stages, finest first. Raises InputError for images of another size."""
        if images.shape[-2:] != (self.size, self.size):
            shown = "×".join(map(str, images.shape[-2:]))
            raise InputError(f"images must be {self.size} pixels a side for this HLG, not {shown}")
        levels = [self.stem(images.contiguous(memory_format=torch.channels_last))]  # the fastest on a CPU
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels[1:]

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """The last map, normed. Raises InputError for images of another size."""
        return self.norm(self.forward_levels(images)[-1])

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Scores of classes, or what they are made of."""
        pooled = features.mean((2, 3))
        return pooled if pre_logits else self.head(pooled)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(images))

    def forward_both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of classes (n, classes), and of the labels of all pixels (n, labels, rows, columns)."""
        levels = self.forward_levels(images)
        return self.forward_head(self.norm(levels[-1])), self.decoder(levels, images.shape[-2:])

    def get_classifier(self) -> nn.Module:
        return self.head

    def group_matcher(self, coarse: bool = False) -> dict:
        return {"stem": r"^stem", "blocks": [(r"^stages\.(\d+)\.blocks\.(\d+)", None)]}


def to_tokens(x: torch.Tensor) -> torch.Tensor:
    """(n, width, rows, columns) → (n, tokens, width)."""
    return x.flatten(2).mT


def to_map(tokens: torch.Tensor, side: int) -> torch.Tensor:
    """The other way."""
    return tokens.mT.unflatten(2, (side, side))


def list_layers() -> list[str]:
    """The names of all layers, from input to output."""
    return [f"stages.{stage}.blocks.{layer}" for stage in range(len(WIDTHS)) for layer in range(LAYERS)]


def end_of_first_stage() -> str:
    """The name of the layer whose output the first stage hands on."""
    return list_layers()[LAYERS - 1]


def load_untrained(name: str, seed: int, image_size: int = STEP) -> HLG:
    """A design with the random weights of a seed, in evaluation mode."""
    return timm.create_model(name, seed=seed, img_size=image_size).eval()


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(width // CHANNELS_OF_GROUP, width)


def _make_mlp(inputs: int, width: int, stride: int) -> nn.Sequential:
    hidden = EXPANSION * inputs
    return nn.Sequential(
        *(nn.Conv2d(inputs, hidden, 1), _norm(hidden), nn.GELU()),
        *(nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden), _norm(hidden), nn.GELU()),
        nn.Conv2d(hidden, width, 1),
    )


def _make_bottleneck(width: int) -> nn.Sequential:
    narrow = width // 4
    return nn.Sequential(
        nn.Conv2d(width, narrow, 1), nn.Conv2d(narrow, narrow, 3, padding=1), nn.Conv2d(narrow, width, 1), _norm(width)
    )


def _choose_windows(stage: int, layer: int, side: int, design: Design) -> torch.Tensor:
    if stage == len(WIDTHS) - 1:
        return windows.whole(side)
    if design.random:
        return windows.draw(side, seed=LAYERS * stage + layer)
    return windows.cut(side, dilated=layer % 2 == 1)


def _build(name: str, pretrained: bool, seed: int | None, **kwargs) -> HLG:
    load = partial(build_model_with_cfg, partial(HLG, DESIGNS[name]))
    return build(load, name, pretrained, seed, gain=0.8, **kwargs)


@register_model
def hlg_pocket_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> HLG:
    """HLG made small: stages of width 32, 64 and 96, two layers each, attention inside and across windows of 7×7."""
    return _build(FULL, pretrained, seed, **kwargs)


@register_model
def hlg_pocket_local_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> HLG:
    """The same without attention across windows: the second attention looks at the token's own window, too."""
    return _build(LOCAL, pretrained, seed, **kwargs)


@register_model
def hlg_pocket_global_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> HLG:
    """The same without attention inside windows: the first attention looks at the means of all windows, too."""
    return _build(GLOBAL, pretrained, seed, **kwargs)


@register_model
def hlg_pocket_random_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> HLG:
    """The same with windows of tokens drawn at random, in the first two stages."""
    return _build(RANDOM, pretrained, seed, **kwargs)
