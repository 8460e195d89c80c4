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
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import nn

from seelike.errors import InputError

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


def _cfg(name: str, **kwargs) -> dict:
    return {
        "file": str(WEIGHTS / f"{name}.safetensors"),
        "num_classes": 10,
        "input_size": (3, 56, 56),
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "license": "mit",
        **kwargs,
    }


default_cfgs = generate_default_cfgs(
    {
        "vit_pocket_patch8_56.shapes": _cfg(
            "vit_pocket_patch8_56.shapes", fixed_input_size=True, first_conv="patch_embed.proj", classifier="head"
        ),
        "resnet_pocket.shapes": _cfg("resnet_pocket.shapes", first_conv="stem.conv", classifier="head.fc"),
    }
)
ARCHITECTURES = tuple(default_cfgs)
NAMES = tuple(f"{architecture}.shapes" for architecture in ARCHITECTURES)


@register_model
def vit_pocket_patch8_56(pretrained: bool = False, seed: int = 0, **kwargs) -> VisionTransformer:
    """The paper's ViT made small: CLS token, pre-norm, 8 blocks of width 64, 7×7 patches of 8 px."""
    shape = dict(img_size=56, patch_size=8, embed_dim=64, depth=8, num_heads=4) | kwargs
    load = partial(build_model_with_cfg, VisionTransformer, pretrained_filter_fn=checkpoint_filter_fn)
    return _build(load, "vit_pocket_patch8_56", pretrained, seed, gain=0.8, **shape)


@register_model
def resnet_pocket(pretrained: bool = False, seed: int = 0, **kwargs) -> PocketResNet:
    """The paper's BiT ResNet made small: basic blocks in four stages of 56, 28, 14 and 7 positions."""
    norm = partial(GroupNormAct, group_size=8)
    shape = dict(layers=[2, 2, 3, 3], channels=(16, 32, 64, 128), stem_chs=16, basic=True, norm_layer=norm) | kwargs
    load = partial(build_model_with_cfg, PocketResNet)
    return _build(load, "resnet_pocket", pretrained, seed, gain=math.sqrt(2), **shape)


def read_manifest() -> dict[str, dict]:
    """What is known of each bundled model: file, SHA-256, seed, recipe, images seen, accuracy."""
    return json.loads(MANIFEST.read_text())


def check_weights(file: str | Path) -> None:
    """Compare one shipped file with the manifest's SHA-256; raises InputError if it is missing or differs."""
    file = Path(file)
    restore = f"restore it with `git checkout -- {file.name}` in {file.parent} or reinstall seelike"
    if not file.is_file():
        raise InputError(f"the bundled weights {file.name} are missing: {restore}")
    known = {entry["file"]: entry["sha256"] for entry in read_manifest().values()}
    if sha256(file) != known.get(file.name):
        raise InputError(f"the bundled weights {file.name} are damaged (SHA-256 differs from the manifest): {restore}")


def sha256(file: str | Path) -> str:
    """The file's SHA-256, in hex."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


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


def _build(load, variant: str, pretrained: bool, seed: int, gain: float, **kwargs) -> nn.Module:
    bundled = kwargs.get("pretrained_cfg_overlay") is None
    if pretrained and bundled:
        check_weights(default_cfgs[variant].default.file)
    model = load(variant, pretrained, **kwargs)
    if not pretrained:
        draw_initial_state(model, seed, gain)
    return model
