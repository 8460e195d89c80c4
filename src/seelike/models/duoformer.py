"""DuoFormer made small: attention across the scales of a patch, then across patches (Tang et al. 2024, 2407.13920).

A patch has tokens of the last stages of a frozen CNN (`scale_tokens`), projected to one width, and before them a scale
token, made of all channels of the patch or learned. Scale blocks attend within a patch and hand on its scale token;
patch blocks attend among these and a CLS token. Where no scale block is, a patch is its scale token or a mean; where no
patch block is, the mean of patches is classified. Whoever watches layers finds the backbone's, then `patches`, the map
of scale tokens after each scale block, then patch blocks.

It departs from the authors' code: patch blocks are whole transformer blocks, with norms, skips and an MLP; the scale
token is made of the stages that have tokens, by pooling and two linear layers, instead of all four by convolutions; the
last scale block computes its scale token alone, since nothing reads the others. All designs have four blocks.

`timm.create_model("duoformer_pocket_56", pretrained=True)` loads what is shipped, and the backbone with it; of the
other trainings only what they answer is.
"""

from dataclasses import dataclass, field
from functools import partial

import torch
from timm.layers import Mlp, to_2tuple
from timm.models import build_model_with_cfg, register_model
from timm.models.vision_transformer import Block
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from seelike.models.bundled import build
from seelike.models.bundled import default_cfgs as default_cfgs  # where timm looks for them
from seelike.models.recipes import NEW_HEAD
from seelike.models.scale_tokens import PATCH, Reading, ScaleTokens
from seelike.system.errors import InputError

WIDTH, HEADS, EXPANSION = 64, 4, 2
GAIN = 0.8  # of the initial state


@dataclass(frozen=True)
class Design:
    """What a patch's tokens are, and what becomes of them.

    Attributes:
        patch: what a patch is to patch blocks: its scale token, made of "channels" or "learned", or the "mean" of its
            tokens.
    """

    reading: Reading = field(default_factory=Reading)
    patch: str = "channels"
    scale_blocks: int = 2
    patch_blocks: int = 2


class ScaleAttention(nn.Module):
    """Multi-head attention of some tokens of a sequence to all of it."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) → (n, heads, tokens, width of a head)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Of (n, queries, width) to (n, tokens, width): (n, queries, width)."""
        key, value = self.kv(tokens).chunk(2, -1)
        found = scaled_dot_product_attention(self._split(self.q(queries)), self._split(key), self._split(value))
        return self.out(found.transpose(1, 2).flatten(2))

    def weigh(self, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The weights of the same, (n, heads, queries, tokens)."""
        query, key = self._split(self.q(queries)), self._split(self.kv(tokens).chunk(2, -1)[0])
        return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)


class ScaleBlock(nn.Module):
    """A pre-norm transformer block over the tokens of a patch, (n, tokens, width); it hands on the first ones."""

    def __init__(self, width: int, heads: int, n_handed_on: int | None = None):
        super().__init__()
        self.n_handed_on = n_handed_on
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = ScaleAttention(width, heads), Mlp(width, EXPANSION * width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        normed = self.norm1(tokens)
        x = tokens[:, : self.n_handed_on] + self.attn(normed[:, : self.n_handed_on], normed)
        return x + self.mlp(self.norm2(x))

    def weigh(self, tokens: torch.Tensor) -> torch.Tensor:
        """How the first token attends to all, (n, heads, tokens)."""
        normed = self.norm1(tokens)
        return self.attn.weigh(normed[:, :1], normed)[:, :, 0]


class OnBackbone(nn.Module):
    """A classifier of what a frozen backbone makes of images; `forward_tokens` is the part that learns."""

    def __init__(self, reading: Reading, width: int, img_size, in_chans: int, num_classes: int):
        super().__init__()
        height, width_px = to_2tuple(img_size)
        if min(height, width_px) < PATCH or height % PATCH or width_px % PATCH:
            raise InputError(f"img_size must be a multiple of {PATCH} pixels for DuoFormer, not {img_size}")
        self.grid = height // PATCH, width_px // PATCH
        self.n_patches = self.grid[0] * self.grid[1]
        self.num_classes, self.num_features = num_classes, width
        self.scale_tokens = ScaleTokens(reading, in_chans)
        self.head = nn.Linear(width, num_classes) if num_classes else nn.Identity()

    @property
    def backbone(self) -> nn.Module:
        """The network whose stages are read, no part of this one's state."""
        return self.scale_tokens.backbone

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """What is classified, before its mean is taken or its CLS token: (n, tokens, width)."""
        return self.mix(self.scale_tokens(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(images))

    def forward_tokens(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        """Scores of classes, (n, classes), from what `scale_tokens` made of the images."""
        return self.forward_head(self.mix(tokens))

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Scores of classes, or what they are made of."""
        pooled = self.pool(x)
        return pooled if pre_logits else self.head(pooled)

    def mix(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        """Tokens of each scale, (n, patches, positions, width), made into (n, tokens, width)."""
        raise NotImplementedError

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) → (n, width)."""
        return x.mean(1)

    def get_classifier(self) -> nn.Module:
        return self.head

    def group_matcher(self, coarse: bool = False) -> dict:
        """The backbone's blocks by stage, then `patches` (after each scale block) and the blocks across these."""
        stages = (r"^(backbone\.stages\.\d+)\.blocks\.(\d+)", r"^(patches)\.(\d+)", r"^(blocks)\.(\d+)")
        return {"stem": r"^projections|^fuse", "blocks": [(pattern, None) for pattern in stages]}


class NewHead(OnBackbone):
    """The backbone's last stage, averaged, and a linear classifier of its own."""

    def __init__(self, img_size=56, in_chans: int = 3, num_classes: int = 10):
        reading = Reading(scales=1)
        super().__init__(reading, reading.channels[0], img_size, in_chans, num_classes)

    def mix(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        return tokens[0].flatten(1, 2)


class DuoFormer(OnBackbone):
    """As this file says.

    Args:
        img_size: pixels a side, a multiple of 8.

    Raises InputError for another size, and for images of another size.
    """

    def __init__(self, design: Design, img_size=56, in_chans: int = 3, num_classes: int = 10):
        super().__init__(design.reading, WIDTH, img_size, in_chans, num_classes)
        channels, self.patch = design.reading.channels, design.patch
        self.n_scale_tokens = sum(4**scale for scale in range(len(channels)))
        if self.patch != "channels" or design.scale_blocks:
            self.projections = nn.ModuleList(nn.Linear(each, WIDTH) for each in channels)
        if self.patch == "channels":
            self.fuse = nn.Sequential(nn.Linear(sum(channels), WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        if self.patch == "learned":
            self.scale_token = nn.Parameter(torch.zeros(1, 1, 1, WIDTH))
        if design.scale_blocks:
            self.scale_embed = nn.Parameter(torch.zeros(1, 1, 1 + self.n_scale_tokens, WIDTH))
        last = design.scale_blocks - 1
        handed_on = [1 if number == last else None for number in range(design.scale_blocks)]
        self.scale_blocks = nn.Sequential(*(ScaleBlock(WIDTH, HEADS, each) for each in handed_on))
        self.patches = nn.Sequential(*(nn.Identity() for _ in handed_on))
        if design.patch_blocks:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
            self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.n_patches, WIDTH))
        blocks = (Block(WIDTH, HEADS, EXPANSION, qkv_bias=True) for _ in range(design.patch_blocks))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(WIDTH)

    def mix(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        """The patches after all blocks, CLS before them if there are patch blocks; normed."""
        if tokens[0].shape[1] != self.n_patches:
            raise InputError(f"images must have {self.n_patches} patches for this DuoFormer, not {tokens[0].shape[1]}")
        x = self.gather(tokens)
        n_images, grid = len(x), self.grid
        x = x.flatten(0, 1)
        for block, show in zip(self.scale_blocks, self.patches, strict=True):
            x = block(x)
            show(x[:, 0].unflatten(0, (n_images, *grid)).movedim(-1, 1))
        x = x[:, 0].unflatten(0, (n_images, self.n_patches))
        if len(self.blocks):
            x = self.blocks(torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed)
        return self.norm(x)

    def gather(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        """The tokens of every patch, (n, patches, tokens, width): the scale token, then the coarsest first.

        Where no scale block is to come, the one token that a patch is.
        """
        if not len(self.scale_blocks) and self.patch == "channels":
            return self._fuse(tokens)
        projected = [project(each) for project, each in zip(self.projections, tokens, strict=True)]
        if self.patch == "mean":
            return torch.cat(projected, 2).mean(2, keepdim=True)
        n, n_patches = projected[0].shape[:2]
        first = self._fuse(tokens) if self.patch == "channels" else self.scale_token.expand(n, n_patches, -1, -1)
        return torch.cat([first, *projected], 2) + self.scale_embed

    def _fuse(self, tokens: list[torch.Tensor]) -> torch.Tensor:
        """Scale tokens, (n, patches, 1, width), of all channels of a patch, the largest of its positions each."""
        return self.fuse(torch.cat([each.amax(2, keepdim=True) for each in tokens], -1))

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """The CLS token, or the mean of patches where there is none."""
        return x[:, 0] if len(self.blocks) else x.mean(1)

    @torch.no_grad()
    def weigh_scales(self, images: torch.Tensor) -> list[torch.Tensor]:
        """How scale tokens attend in each scale block: (n, patches, heads, tokens) each, rows that sum to 1."""
        x = self.gather(self.scale_tokens(images))
        patches, found = x.shape[:2], []
        x = x.flatten(0, 1)
        for block in self.scale_blocks:
            found.append(block.weigh(x).unflatten(0, patches))
            x = block(x)
        return found


def _build(name: str, make, pretrained: bool, seed: int | None, **kwargs) -> OnBackbone:
    load = partial(build_model_with_cfg, make)
    return build(load, name, pretrained, seed, gain=GAIN, **kwargs)


DESIGNS = {
    "": (Design(), "DuoFormer made small: tokens of two scales, two scale blocks and two patch blocks of width 64."),
    "onescale_": (
        Design(Reading(1), "mean", 0, 4),
        "The same with tokens of the last stage alone and four patch blocks: a hybrid ViT.",
    ),
    "threescales_": (Design(Reading(3)), "The same with tokens of three scales, 21 a patch."),
    "mean_": (Design(patch="mean", scale_blocks=0, patch_blocks=4), "The same with a patch's tokens averaged."),
    "scaleonly_": (Design(scale_blocks=4, patch_blocks=0), "The same with four scale blocks and no patch block."),
    "patchonly_": (Design(scale_blocks=0, patch_blocks=4), "The same with four patch blocks on the scale tokens."),
    "freetoken_": (Design(patch="learned"), "The same with a scale token that is learned, one for all patches."),
    "moved_": (Design(Reading(fine="moved")), "The same with the fine tokens of another patch of the image."),
    "noise_": (Design(Reading(fine="noise")), "The same with noise for fine tokens, of the same variance."),
    "untrained_": (Design(Reading(trained=False)), "The same on the backbone before its training."),
}


def _register(kind: str, make, words: str) -> None:
    """Make a design known to timm, by a function of its name."""
    name = f"duoformer_pocket_{kind}56"

    def create(pretrained: bool = False, seed: int | None = None, **kwargs) -> OnBackbone:
        return _build(name, make, pretrained, seed, **kwargs)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = words
    globals()[name] = register_model(create)


for _kind, (_design, _words) in DESIGNS.items():
    _register(_kind, partial(DuoFormer, _design), _words)
_register(NEW_HEAD, NewHead, "The backbone with a new linear classifier, and nothing else.")
