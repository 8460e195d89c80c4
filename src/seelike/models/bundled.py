"""The bundled models, known to timm by name once `seelike` is imported.

`timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)` loads the weights shipped in
`weights/`; with `pretrained=False` it gives the very state that training started from, drawn anew
from the model's seed: the random-weights control of every chapter.
"""

import hashlib
import json
import math
from functools import partial
from pathlib import Path

import torch
from timm.layers import GroupNormAct, StdConv2d
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import Block, VisionTransformer, checkpoint_filter_fn
from torch import nn

from seelike.models.recipes import EARLY, RECIPES, find_recipe
from seelike.system.errors import InputError

WEIGHTS = Path(__file__).with_name("weights")
MANIFEST = WEIGHTS / "manifest.json"


class PocketResNet(ResNetV2):
    """A BiT ResNet (pre-activation, group norm, weight standardisation) for small images.

    The stem neither strides nor pools, so 56×56 pixels pass through stages of 56, 28, 14 and 7
    positions a side: those of a ResNet-50 at 224×224.
    """

    def __init__(self, layers, channels, stem_chs: int, **kwargs):
        super().__init__(layers, channels, stem_chs=stem_chs, **kwargs)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", StdConv2d(kwargs.get("in_chans", 3), stem_chs, 3, padding=1))
        self.feature_info[0].update(reduction=1, module="stem.conv")
        for info in self.feature_info[1:]:
            info["reduction"] //= 4


class SkiplessBlock(Block):
    """A transformer block that passes on what its branches put out and nothing else: both skips removed."""

    def forward(self, x: torch.Tensor, attn_mask: torch.Tensor | None = None, is_causal: bool = False) -> torch.Tensor:
        x = self.drop_path1(self.ls1(self.attn(self.norm1(x), attn_mask=attn_mask, is_causal=is_causal)))
        return self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


class PocketViT(VisionTransformer):
    """timm's ViT, where one block can go without skips."""

    def __init__(self, skipless: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if skipless is not None:
            dim, heads = kwargs["embed_dim"], kwargs["num_heads"]
            self.blocks[skipless] = SkiplessBlock(dim, heads, qkv_bias=True)


def _cfg(name: str) -> dict:
    layers = {"resnet": ("stem.conv", "head.fc"), "mixer": ("stem.proj", "head"), "vit": ("patch_embed.proj", "head")}
    first, last = layers[name.partition("_")[0]]
    return {
        "file": str(WEIGHTS / f"{name}.safetensors"),
        "num_classes": 10,
        "input_size": (3, 56, 56),
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "license": "mit",
        "first_conv": first,
        "classifier": last,
        "fixed_input_size": not name.startswith("resnet"),
    }


NAMES = (*RECIPES, *EARLY)
default_cfgs = generate_default_cfgs({name: _cfg(name) for name in NAMES})
ARCHITECTURES = tuple(default_cfgs)


@register_model
def vit_pocket_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The paper's ViT made small: CLS token, pre-norm, 8 blocks of width 64, 7×7 patches of 8 px."""
    return _build_vit("vit_pocket_patch8_56", pretrained, seed, **kwargs)


@register_model
def vit_pocket_patch8_gap_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The same without a CLS token: the normed tokens of the last block are averaged."""
    pooled = dict(class_token=False, global_pool="avg", fc_norm=False)
    return _build_vit("vit_pocket_patch8_gap_56", pretrained, seed, **(pooled | kwargs))


@register_model
def vit_smallpocket_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The same with 6 blocks instead of 8."""
    return _build_vit("vit_smallpocket_patch8_56", pretrained, seed, **(dict(depth=6) | kwargs))


@register_model
def vit_pocket_noskip1_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The same without the two skip connections of block 1, the second (paper, Fig. 8)."""
    return _build_vit("vit_pocket_noskip1_patch8_56", pretrained, seed, **(dict(skipless=1) | kwargs))


@register_model
def vit_pocket_noskip4_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The same without the two skip connections of block 4, in the middle."""
    return _build_vit("vit_pocket_noskip4_patch8_56", pretrained, seed, **(dict(skipless=4) | kwargs))


@register_model
def vit_pocket_noskip6_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketViT:
    """The same without the two skip connections of block 6, the last but one."""
    return _build_vit("vit_pocket_noskip6_patch8_56", pretrained, seed, **(dict(skipless=6) | kwargs))


@register_model
def mixer_pocket_patch8_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> MlpMixer:
    """An MLP-Mixer of the ViT's depth, width and patches."""
    shape = dict(img_size=56, patch_size=8, embed_dim=64, num_blocks=8) | kwargs
    load = partial(build_model_with_cfg, MlpMixer)
    return _build(load, "mixer_pocket_patch8_56", pretrained, seed, gain=0.8, **shape)


@register_model
def resnet_pocket(pretrained: bool = False, seed: int | None = None, **kwargs) -> PocketResNet:
    """The paper's BiT ResNet made small: basic blocks in four stages of 56, 28, 14 and 7 positions."""
    norm = partial(GroupNormAct, group_size=8)
    shape = dict(layers=[2, 2, 3, 3], channels=(16, 32, 64, 160), stem_chs=16, basic=True, norm_layer=norm) | kwargs
    load = partial(build_model_with_cfg, PocketResNet)
    return _build(load, "resnet_pocket", pretrained, seed, gain=math.sqrt(2), **shape)


def read_manifest() -> dict[str, dict]:
    """What is known of each bundled model: file, SHA-256, recipe, images seen, accuracy, learning curve.

    Raises InputError if the manifest is missing or damaged.
    """
    try:
        return json.loads(MANIFEST.read_text())
    except (OSError, ValueError):
        raise InputError(f"the cards of the bundled weights, {MANIFEST.name}, {_restore(MANIFEST)}") from None


def check_weights(file: str | Path) -> None:
    """Compare one shipped file with the manifest's SHA-256; raises InputError if it is missing or differs."""
    file = Path(file)
    if not file.is_file():
        raise InputError(f"the bundled weights {file.name} {_restore(file)}")
    known = {entry["file"]: entry["sha256"] for entry in read_manifest().values()}
    if sha256(file) != known.get(file.name):
        raise InputError(f"the bundled weights {file.name} {_restore(file)}")


def _restore(file: Path) -> str:
    state = "are damaged" if file.is_file() else "are missing"
    return f"{state}: restore them with `git -C {file.parent} checkout -- {file.name}`, or reinstall seelike"


def sha256(file: str | Path) -> str:
    """The file's SHA-256, in hex."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def draw_initial_state(model: nn.Module, seed: int, gain: float) -> None:
    """Draw every parameter anew from the seed, in the order of `named_parameters`.

    Weights of two or more dimensions are normal with std gain/√fan-in, tokens and position embeddings
    with 0.02; biases are 0 and the scales of norms 1.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith(("token", "embed")):
            value = 0.02 * torch.randn(parameter.shape, generator=generator)
        elif parameter.ndim > 1:
            std = gain / math.sqrt(parameter[0].numel())
            value = std * torch.randn(parameter.shape, generator=generator)
        else:
            value = torch.full(parameter.shape, float(name.endswith("weight")))
        with torch.no_grad():
            parameter.copy_(value)


def _build_vit(variant: str, pretrained: bool, seed: int | None, **kwargs) -> PocketViT:
    shape = dict(img_size=56, patch_size=8, embed_dim=64, depth=8, num_heads=4) | kwargs
    load = partial(build_model_with_cfg, PocketViT, pretrained_filter_fn=checkpoint_filter_fn)
    return _build(load, variant, pretrained, seed, gain=0.8, **shape)


def _build(load, variant: str, pretrained: bool, seed: int | None, gain: float, **kwargs) -> nn.Module:
    """Create a model with its shipped weights, or in its initial state: that of its tag, unless a seed is given."""
    name = f"{variant}.{kwargs.get('pretrained_cfg') or default_cfgs[variant].tags[0]}"
    if pretrained and name in NAMES and kwargs.get("pretrained_cfg_overlay") is None:
        check_weights(_cfg(name)["file"])
    model = load(variant, pretrained, **kwargs)
    if not pretrained:
        own = find_recipe(name).seed if name in NAMES else 0
        draw_initial_state(model, own if seed is None else seed, gain)
    return model
