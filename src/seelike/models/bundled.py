"""The bundled models, known to timm by name once `seelike.models` is imported.

`timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)` loads the weights shipped in
`weights/`; with `pretrained=False` it gives the very state that training started from, drawn anew
from the model's seed: the random-weights control of every chapter.
"""

import json
import math
from functools import lru_cache, partial
from pathlib import Path

import torch
from timm.layers import GroupNormAct, StdConv2d
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import Block, VisionTransformer, checkpoint_filter_fn
from torch import nn

from seelike.models.posattn import PositionAttention, UniformAttention
from seelike.models.recipe_kinds import Recipe, WiredRecipe
from seelike.models.recipes import EARLY, FAMILIES, RECIPES, WITHOUT_WEIGHTS, Family, System, find_family, find_recipe
from seelike.models.wired import WiredAttention, wire
from seelike.system.errors import InputError
from seelike.system.files import sha256

WEIGHTS = Path(__file__).with_name("weights")
MANIFEST = WEIGHTS / "manifest.json"


class PocketResNet(ResNetV2):
    """A BiT ResNet (pre-activation, group norm, weight standardisation) for small images.

    The stem neither strides nor pools, so 56×56 pixels pass through stages of 56, 28, 14 and 7
    positions a side: those of a ResNet-50 at 224×224. Of 32×32 pixels the last stage keeps the 8×8
    positions of the third, dilated instead of strided, so that it has an interior to localize in.
    """

    def __init__(self, layers, channels, stem_chs: int, **kwargs):
        super().__init__(layers, channels, stem_chs=stem_chs, **kwargs)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", StdConv2d(kwargs.get("in_chans", 3), stem_chs, 3, padding=1))
        self.feature_info[0].update(reduction=1, module="stem.conv")
        for info in self.feature_info[1:]:
            info["reduction"] //= 4


class SkiplessBlock(Block):
    """A transformer block that passes on what its branches return and nothing else: both skips removed."""

    def forward(self, x: torch.Tensor, attn_mask: torch.Tensor | None = None, is_causal: bool = False) -> torch.Tensor:
        x = self.drop_path1(self.ls1(self.attn(self.norm1(x), attn_mask=attn_mask, is_causal=is_causal)))
        return self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


class PocketViT(VisionTransformer):
    """timm's ViT, where one block can go without skips, and attention can be another, a key of `ATTENTIONS`."""

    def __init__(self, skipless: int | None = None, attention: str = "", **kwargs):
        super().__init__(**kwargs)
        dim, heads = kwargs["embed_dim"], kwargs["num_heads"]
        if skipless is not None:
            self.blocks[skipless] = SkiplessBlock(dim, heads, qkv_bias=True)
        for block in self.blocks if attention else ():
            block.attn = ATTENTIONS[attention](dim, heads, self.patch_embed.grid_size)


ATTENTIONS = {  # made from width, heads and grid; the last two have a CLS token before the patches
    "wired": lambda dim, heads, grid: WiredAttention(dim, grid),
    "posattn": lambda dim, heads, grid: PositionAttention(dim, heads, 1 + grid[0] * grid[1]),
    "uniform": lambda dim, heads, grid: UniformAttention(dim, heads),
}
SMALLER = {  # than `vit`: in words, and as its changes
    "smallpocket": ("The same with 6 blocks instead of 8.", dict(depth=6)),
    "slimpocket": ("The same of width 32 instead of 64, with 2 heads instead of 4.", dict(embed_dim=32, num_heads=2)),
}
RESNETS = {  # by image size
    56: dict(layers=[2, 2, 3, 3], channels=(16, 32, 64, 160)),
    32: dict(layers=[2, 2, 3, 3], channels=(16, 32, 64, 160), output_stride=16),
}
LAYERS = {  # the first, where images of other channels can change it, and the last, by how a name starts
    "duoformer": (None, "head"),
    "resnet": ("stem.conv", "head.fc"),
    "mixer": ("stem.proj", "head"),
    "vit": ("patch_embed.proj", "head"),
    "hlg": ("stem.0", "head"),
    "vtcc_pocket_resnet": ("backbone.stem.conv", "head.6"),
    "vtcc_pocket_patchstem": ("patch_embed.proj", "head.6"),
    "vtcc": ("patch_embed.proj.0", "head.6"),
}


def _cfg(name: str, family: Family | System) -> dict:
    first, last = next(layers for start, layers in LAYERS.items() if name.startswith(start))
    file = {} if name in WITHOUT_WEIGHTS else {"file": str(WEIGHTS / f"{name}.safetensors")}
    return file | {
        "num_classes": find_recipe(name).n_outputs,
        "input_size": (3, family.image_size, family.image_size),
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "license": "mit",
        "first_conv": first,
        "classifier": last,
        "fixed_input_size": not name.startswith("resnet"),
    }


PLANNED = (*RECIPES, *EARLY)
default_cfgs = generate_default_cfgs({name: _cfg(name, find_family(name)) for name in PLANNED})
NAMES = tuple(name for name in PLANNED if (WEIGHTS / f"{name}.safetensors").is_file())  # what is trained and shipped
ARCHITECTURES = tuple(dict.fromkeys(name.partition(".")[0] for name in NAMES))


def _register(design: str, family: Family) -> None:
    """Make a design known to timm, at a family's size of image, by a function of its name."""

    def create(pretrained: bool = False, seed: int | None = None, **kwargs) -> nn.Module:
        return BUILDERS[design.rstrip("0123456789")](family, design, pretrained, seed, **kwargs)

    create.__name__ = create.__qualname__ = family.name(design)
    create.__doc__ = describe(design, family)
    globals()[create.__name__] = register_model(create)


def describe(design: str, family: Family) -> str:
    """What a design is made of, in a sentence."""
    side, patch = family.image_size // family.patch_size, family.patch_size
    if design.startswith("noskip"):
        return f"The same without the two skip connections of block {design.removeprefix('noskip')} (paper, Fig. 8)."
    if design == "small":
        return SMALLER[family.small][0]
    return {
        "vit": f"The paper's ViT made small: CLS token, pre-norm, 8 blocks of width 64, {side}×{side} patches of "
        f"{patch} px.",
        "gap": "The same without a CLS token: the normed tokens of the last block are averaged.",
        "resnet": "The paper's BiT ResNet made small: basic blocks in four stages.",
        "mixer": "An MLP-Mixer of the ViT's depth, width and patches.",
        "wired": f"A ViT of 9 heads of 8, without a CLS token, whose attention can start as a convolution over its "
        f"{side}×{side} patches of {patch} px.",
        "posattn": "The ViT with attention from position embeddings alone, the same for every image.",
        "uniform": "The ViT with uniform attention: every token gets the mean of all values.",
    }[design]


def complete(name: str) -> str:
    """A bundled model's name with the tag that timm takes where none is given; any other name as it is."""
    return f"{name}.{default_cfgs[name].tags[0]}" if name in default_cfgs else name


def read_manifest(family: Family | System | None = None) -> dict[str, dict]:
    """What is known of each bundled model: file, SHA-256, recipe, images seen, accuracy, learning curve.

    A model whose answers alone are shipped has `weights` None instead of a file. Of one family, if it is given.
    Raises InputError if the manifest is missing or damaged.
    """
    try:
        cards = _parse(MANIFEST.read_bytes())
        return {name: card for name, card in cards.items() if family in (None, find_family(name))}
    except (OSError, ValueError):
        raise InputError(f"the cards of the bundled weights, {MANIFEST.name}, {_restore(MANIFEST)}") from None


@lru_cache(1)
def _parse(manifest: bytes) -> dict[str, dict]:
    return json.loads(manifest)


def check_shipped(name: str) -> None:
    """Raises InputError for a model of which answers to test images are shipped, and no weights."""
    name = complete(name)
    if name in WITHOUT_WEIGHTS:
        train = f"`python -m seelike.training {name}` trains it"
        raise InputError(f"{name} has no weights: its card holds its answers to test images alone; {train}")


def check_weights(file: str | Path) -> None:
    """Compare one shipped file with the manifest's SHA-256; raises InputError if it is missing or differs."""
    file = Path(file)
    if file.stem in PLANNED and file.stem not in read_manifest():
        train = f"python -m seelike.training {file.stem}"
        raise InputError(f"{file.stem} is not trained yet: it has no weights before `{train}` is done")
    if not file.is_file():
        raise InputError(f"the bundled weights {file.name} {_restore(file)}")
    known = {entry["file"]: entry["sha256"] for entry in read_manifest().values() if "file" in entry}
    if sha256(file) != known.get(file.name):
        raise InputError(f"the bundled weights {file.name} {_restore(file)}")


def _restore(file: Path) -> str:
    state = "are damaged" if file.is_file() else "are missing"
    return f"{state}: restore them with `git -C {file.parent} checkout -- {file.name}`, or reinstall seelike"


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


def _build_vit(family: Family, design: str, pretrained: bool, seed: int | None, **kwargs) -> PocketViT:
    shape = dict(img_size=family.image_size, patch_size=family.patch_size, embed_dim=64, depth=8, num_heads=4)
    averaged = dict(class_token=False, global_pool="avg", fc_norm=False)
    if design == "gap":
        shape |= averaged
    elif design == "small":
        shape |= SMALLER[family.small][1]
    elif design.startswith("noskip"):
        shape |= dict(skipless=int(design.removeprefix("noskip")))
    elif design == "wired":
        shape |= averaged | dict(embed_dim=72, num_heads=9, pos_embed="none")
    if design in ATTENTIONS:
        shape |= dict(attention=design)
    load = partial(build_model_with_cfg, PocketViT, pretrained_filter_fn=checkpoint_filter_fn)
    return build(load, family.name(design), pretrained, seed, gain=0.8, **(shape | kwargs))


def _build_mixer(family: Family, design: str, pretrained: bool, seed: int | None, **kwargs) -> MlpMixer:
    shape = dict(img_size=family.image_size, patch_size=family.patch_size, embed_dim=64, num_blocks=8)
    load = partial(build_model_with_cfg, MlpMixer)
    return build(load, family.name(design), pretrained, seed, gain=0.8, **(shape | kwargs))


def _build_resnet(family: Family, design: str, pretrained: bool, seed: int | None, **kwargs) -> PocketResNet:
    norm = partial(GroupNormAct, group_size=8)
    shape = dict(stem_chs=16, basic=True, norm_layer=norm) | RESNETS[family.image_size]
    load = partial(build_model_with_cfg, PocketResNet)
    return build(load, family.name(design), pretrained, seed, gain=math.sqrt(2), **(shape | kwargs))


def build(load, variant: str, pretrained: bool, seed: int | None, gain: float, **kwargs) -> nn.Module:
    """Create a model with its shipped weights, or in its initial state: that of its tag, unless a seed is given."""
    name = f"{variant}.{kwargs.get('pretrained_cfg') or default_cfgs[variant].tags[0]}"
    if pretrained and name in PLANNED and kwargs.get("pretrained_cfg_overlay") is None:
        check_shipped(name)
        check_weights(WEIGHTS / f"{name}.safetensors")
    model = load(variant, pretrained, **kwargs)
    if not pretrained:
        recipe = find_recipe(name) if name in PLANNED else Recipe()
        seed = recipe.seed if seed is None else seed
        draw_initial_state(model, seed, gain)
        if isinstance(recipe, WiredRecipe):
            wire(model, recipe.wiring, recipe.release_at(0), seed)
    return model


BUILDERS = {
    **dict.fromkeys(("vit", "gap", "small", "noskip", *ATTENTIONS), _build_vit),
    "mixer": _build_mixer,
    "resnet": _build_resnet,
}
for _family in FAMILIES.values():
    for _design in _family.designs():
        _register(_design, _family)
