"""What each family of timm's models can do in each chapter: the table of the book, made by rehearsals.

A member of every family, small and with random weights, takes every part that a chapter has (`vit`, `cnn`, `mixer`)
beside bundled models in the others. `python -m seelike.compatibility.families` writes the table anew into
`families.json`; a test compares the two.
"""

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import timm
import torch
from torch import nn

from seelike.chapters.registry import CHAPTERS
from seelike.chapters.rehearsal import rehearse
from seelike.chapters.run import Run
from seelike.chapters.verdicts import Measured
from seelike.images import datasets
from seelike.models import bundled, loading
from seelike.system.errors import InputError
from seelike.system.progress import track

TABLE = Path(__file__).with_name("families.json")
BUNDLED = {
    "vit": "vit_pocket_patch8_56.shapes",
    "cnn": "resnet_pocket.shapes",
    "mixer": "mixer_pocket_patch8_56.shapes",
}
PARAMETERS = {"n_images": 4, "batch_size": 4, "image_size": 0, "geometry": "own", "layers": "all", "seed": 0}


@dataclass(frozen=True)
class Family:
    """A family and its member in the table: a timm name, and height and width of the images in pixels (0: its own)."""

    name: str
    member: str
    height: int = 0
    width: int = 0


FAMILIES = (
    *(Family(f"Bundled: {architecture}", architecture) for architecture in bundled.ARCHITECTURES),
    Family("ViT with CLS token", "vit_tiny_patch16_224", 64, 64),
    Family("ViT on images that are not square", "vit_tiny_patch16_224", 48, 96),
    Family("ViT with average pooling", "vit_relpos_small_patch16_224", 64, 64),
    Family("ViT with registers", "vit_little_patch16_reg4_gap_256", 64, 64),
    Family("ViT with LayerScale (DINOv2)", "vit_small_patch14_dinov2", 56, 56),
    Family("ViT with pooling by attention (SigLIP)", "vit_base_patch16_siglip_224", 64, 64),
    Family("ViT on a convolutional stem (hybrid)", "vit_tiny_r_s16_p8_224", 96, 96),
    Family("DeiT", "deit_tiny_patch16_224", 64, 64),
    Family("DeiT with distillation token", "deit_tiny_distilled_patch16_224", 64, 64),
    Family("DeiT III", "deit3_small_patch16_224", 64, 64),
    Family("BEiT", "beit_base_patch16_224", 64, 64),
    Family("EVA-02 (rotary, SwiGLU)", "eva02_tiny_patch14_224", 56, 56),
    Family("DINOv3 (rotary, registers)", "vit_small_patch16_dinov3", 64, 64),
    Family("DINOv3 plus (gated MLP)", "vit_small_plus_patch16_dinov3", 64, 64),
    Family("CaiT (class attention)", "cait_xxs24_224", 64, 64),
    Family("XCiT (attention of channels)", "xcit_nano_12_p16_224", 64, 64),
    Family("Swin", "swin_tiny_patch4_window7_224", 96, 96),
    Family("Swin V2", "swinv2_tiny_window8_256", 96, 96),
    Family("PVT V2", "pvt_v2_b0", 96, 96),
    Family("MViT V2", "mvitv2_tiny", 96, 96),
    Family("Twins", "twins_svt_small", 96, 96),
    Family("PiT", "pit_ti_224", 96, 96),
    Family("VOLO", "volo_d1_224", 64, 64),
    Family("MaxViT", "maxvit_rmlp_pico_rw_256", 96, 96),
    Family("DaViT", "davit_tiny", 96, 96),
    Family("Hiera", "hiera_tiny_224", 96, 96),
    Family("LeViT", "levit_128s"),
    Family("MobileViT", "mobilevit_xxs", 96, 96),
    Family("FastViT", "fastvit_t8", 96, 96),
    Family("PoolFormer", "poolformer_s12", 96, 96),
    Family("CrossViT", "crossvit_tiny_240"),
    Family("MLP-Mixer", "mixer_s16_224", 64, 64),
    Family("ResMLP", "resmlp_12_224", 64, 64),
    Family("gMLP", "gmlp_ti16_224", 64, 64),
    Family("ConvMixer", "convmixer_768_32", 64, 64),
    Family("ResNet", "resnet18", 96, 96),
    Family("SE-ResNet", "seresnet18", 96, 96),
    Family("ResNetV2", "resnetv2_18", 96, 96),
    Family("BiT", "resnetv2_50x1_bit", 96, 96),
    Family("NFNet", "test_nfnet", 96, 96),
    Family("ConvNeXt", "convnext_atto", 96, 96),
    Family("RegNet", "regnety_002", 96, 96),
    Family("EfficientNet", "efficientnet_lite0", 96, 96),
    Family("MobileNetV3", "mobilenetv3_small_050", 96, 96),
    Family("RepVGG", "repvgg_a0", 96, 96),
    Family("DenseNet", "densenet121", 96, 96),
)


def parts_of(chapter: str) -> tuple[str, ...]:
    """The parts that a model can take in a chapter, which are its parameters."""
    return tuple(which for which in BUNDLED if which in CHAPTERS[chapter].required)


def try_family(family: Family) -> dict[str, dict[str, str]]:
    """Chapter → part → "" if the chapter runs with the family's member in that part, else its refusal."""
    member = load_member(family)
    return {chapter: {part: _refusal(chapter, part, member) for part in parts_of(chapter)} for chapter in CHAPTERS}


def load_member(family: Family) -> nn.Module:
    """A family's member with random weights, which says of itself that it takes images of the family's size."""
    if family.height == family.width:
        member = loading.load_random(family.name, family.member, family.height)
    else:  # a size that a model brings along, as vit_base_patch16_sapiens2 does
        member = timm.create_model(family.member, img_size=(family.height, family.width)).eval()
    if family.height:
        member.pretrained_cfg = member.pretrained_cfg | {"input_size": (3, family.height, family.width)}
    return member


def perform(chapter: str, part: str, member: nn.Module) -> Measured:
    """Rehearse a chapter with a model in one part and bundled ones in the others.

    Raises InputError, which names the part, where the model does not suit.
    """
    everyone = _load_bundled() | {part: member}
    cast = {which: everyone[which] for which in parts_of(chapter)}
    if chapter == "data_scale":
        cast |= {"vit_3pct": cast["vit"], "cnn_3pct": cast["cnn"]}
    n_images = max(CHAPTERS[chapter].least_images, PARAMETERS["n_images"])
    images = datasets.choose(datasets.open_images("shapes"), n_images, seed=0)
    return rehearse(CHAPTERS[chapter], Run(chapter, PARAMETERS, images, "cpu", started=0.0), cast)


@cache
def read_table() -> dict[str, dict]:
    """The published table: family → its member, timm's file of it, and what `try_family` found."""
    return json.loads(TABLE.read_text(encoding="utf-8"))


def find_family(model: str) -> str | None:
    """The name of the family in the table that a timm model is of: that of its member, or of timm's same file.

    None where the table has no such family, or several that differ.
    """
    table, architecture = read_table(), model.partition(".")[0]
    for name, entry in table.items():
        if entry["member"] == architecture:
            return name
    module = timm.models._registry._model_to_module.get(architecture)
    same = [name for name, entry in table.items() if entry["module"] == module]
    alike = {json.dumps(table[name]["chapters"]) for name in same}
    return same[0] if len(alike) == 1 else None


def write_table() -> None:
    """Try all families and write what was found."""
    found = {}
    for family in track(FAMILIES, "families"):
        module = timm.models._registry._model_to_module[family.member]
        found[family.name] = {"member": family.member, "module": module, "chapters": try_family(family)}
    TABLE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _refusal(chapter: str, part: str, member: nn.Module) -> str:
    try:
        perform(chapter, part, member)
    except InputError as error:
        return str(error)
    return ""


@cache
def _load_bundled() -> dict[str, nn.Module]:
    return {which: loading.load_random(which, name) for which, name in BUNDLED.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_table()
    sys.exit(0)
