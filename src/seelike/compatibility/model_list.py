"""Models by name: the bundled ones, public ones near to the paper's, and what each chapter can do with them."""

import timm

from seelike.compatibility import families
from seelike.compatibility.tables import letters
from seelike.models import bundled
from seelike.system.errors import InputError, nearest

# Public weights near to the models of the paper's Table 1 (JFT-300M's were never released), then smaller ones.
PUBLIC = (
    "vit_base_patch32_224.augreg_in21k",
    "vit_base_patch16_224.augreg_in21k",
    "vit_large_patch16_224.augreg_in21k",
    "vit_huge_patch14_224.orig_in21k",
    "resnetv2_50x1_bit.goog_in21k",
    "resnetv2_152x2_bit.goog_in21k",
    "mixer_b16_224.goog_in21k",
    "mixer_l16_224.goog_in21k",
    "deit_tiny_patch16_224.fb_in1k",
    "deit_tiny_distilled_patch16_224.fb_in1k",
    "vit_small_patch14_dinov2.lvd142m",
    "vit_small_patch16_dinov3.lvd1689m",
    "tf_efficientnet_lite0.in1k",
    "resnet50.a1_in1k",
)
MOST = 100


def list_models(wanted: str = "") -> str:
    """One line a model: its name, its family in the table of families, and the parts it can take in each chapter.

    Args:
        wanted: "" for bundled models and `PUBLIC`, else a filter as timm's `list_pretrained` takes, or part of a name.

    Raises InputError if no model with weights is called so.
    """
    names = _find(wanted)
    table = families.read_table()
    chapters = list(next(iter(table.values()))["chapters"])
    lines = [("model", "family", *(chapter.replace("_", " ") for chapter in chapters))]
    for name in names[:MOST]:
        family = families.find_family(name)
        cells = [letters(table[family]["chapters"][chapter]) if family else "?" for chapter in chapters]
        lines.append((name, _name_family(name, family, table), *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = [f"… and {len(names) - MOST} more: narrow the filter"] if len(names) > MOST else []
    parts = "v: as vit, c: as cnn, m: as mixer, s: one of systems, –: in no part"
    legend = f"{parts}; ?: try seelike run CHAPTER -p vit=MODEL --dry-run"
    return "\n".join([*text, *more, "", legend])


def _find(wanted: str) -> list[str]:
    if not wanted:
        return [*bundled.NAMES, *PUBLIC]
    pattern = wanted if "*" in wanted else f"*{wanted}*"
    names = timm.list_pretrained(pattern)
    if not names:
        known = timm.list_models(pretrained=True)
        raise InputError(f"FILTER must be part of a timm model's name, not {wanted!r}{nearest(wanted, known)}")
    return names


def _name_family(model: str, family: str | None, table: dict) -> str:
    if family is None:
        return "not in the table of families"
    if table[family]["member"] == model.partition(".")[0]:
        return family
    return f"as {family}"
