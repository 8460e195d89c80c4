"""Names that are not timm's of today: its own of before, which it keeps a table of, torchvision's, and torch.hub's."""

import re

import timm
from timm.models import get_deprecated_models

from seelike.system.errors import nearest

SIZES = {"t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge", "g": "giant"}
# Names of torchvision and torch.hub → timm's; {1} is the first group, {size1} the size that it stands for.
PATTERNS = {
    r"vit_([blh])_(\d\d)": "vit_{size1}_patch{2}_224",
    r"swin_([tsb])": "swin_{size1}_patch4_window7_224",
    r"swin_v2_([tsb])": "swinv2_{size1}_window8_256",
    r"maxvit_t": "maxvit_tiny_tf_224",
    r"mobilenet_v2": "mobilenetv2_100",
    r"mobilenet_v3_(large|small)": "mobilenetv3_{1}_100",
    r"mnasnet1_0": "mnasnet_100",
    r"efficientnet_v2_([sml])": "tf_efficientnetv2_{1}",
    r"regnet_([xy])_(\d)00mf": "regnet{1}_00{2}",
    r"regnet_([xy])_(\d)_(\d)gf": "regnet{1}_0{2}{3}",
    r"regnet_([xy])_(\d)gf": "regnet{1}_0{2}0",
    r"regnet_([xy])_(\d\d+)gf": "regnet{1}_{2}0",
    r"dinov2_vit([sblg])14(?:_lc)?": "vit_{size1}_patch14_dinov2.lvd142m",
    r"dinov2_vit([sblg])14_reg(?:_lc)?": "vit_{size1}_patch14_reg4_dinov2.lvd142m",
    r"dinov3_vit([sbl])16": "vit_{size1}_patch16_dinov3.lvd1689m",
    r"dino_vit([sb])(16|8)": "vit_{size1}_patch{2}_224.dino",
}
ABSENT = r"alexnet|googlenet|squeezenet.*|shufflenet.*|mnasnet.*"  # torchvision's, which timm does not have
TAGS = {"V1": "tv_in1k", "V2": "tv2_in1k"}  # torchvision's weights → timm's tag, where it has them


def find_current(name: str) -> str:
    """The name that timm has today for what it called so before; any other name as it is."""
    return get_deprecated_models().get(name) or name


def suggest(name: str) -> str:
    """The end of a refusal of a name that timm does not know, "; did you mean vit_base_patch16_224?"; or ""."""
    meant = _translate(name)
    if meant:
        return f"; did you mean {meant}?"
    return "" if re.fullmatch(ABSENT, name) else nearest(name.partition(".")[0], timm.list_models())


def _translate(name: str) -> str:
    """What timm calls a model, or weights, of torchvision or of torch.hub; "" if it has none by that name."""
    own, _, version = re.fullmatch(r"(.*?)([. _]IMAGENET1K_(V\d))?", name, re.DOTALL).groups()
    for pattern, timms in PATTERNS.items():
        found = re.fullmatch(pattern, own)
        if found:
            sizes = {f"size{i}": SIZES.get(group, "") for i, group in enumerate(found.groups(), 1)}
            own = timms.format("", *found.groups(), **sizes)
            break
    tagged = f"{own}.{TAGS.get(version)}"
    known = tagged if tagged in timm.list_pretrained() else own
    return known if known != name and timm.is_model(known.partition(".")[0]) else ""
