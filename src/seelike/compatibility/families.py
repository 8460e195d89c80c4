"""What each family of timm's models can do in each chapter: the table of the book, made by rehearsals.

A member of every family, small and with random weights, takes every part that a chapter has (`vit`, `cnn`, `mixer`, or
one of its `systems`) beside bundled models in the others. `python -m seelike.compatibility.families` writes the table
anew into `families.json`, or only the families that it is given; tests compare the two.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path

import timm
import torch
from torch import nn

from seelike.chapters.registry import CHAPTERS
from seelike.chapters.rehearsal import rehearse
from seelike.chapters.run import Run
from seelike.chapters.verdicts import Measured
from seelike.compatibility.members import FAMILIES, MODULES, Family
from seelike.images import datasets
from seelike.models import loading
from seelike.results.model_names import SEVERAL
from seelike.system.errors import InputError
from seelike.system.files import write_text
from seelike.system.progress import track

SIZE = re.compile(r"tiny|little|small|medium|base|large|huge|giant|patch\d+|\d+")
TABLE = Path(__file__).with_name("families.json")
BUNDLED = {
    "vit": "vit_pocket_patch8_56.shapes",
    "cnn": "resnet_pocket.shapes",
    "mixer": "mixer_pocket_patch8_56.shapes",
}
SYSTEM = "system"  # the part of a model in a chapter that takes any number
PARAMETERS = {"n_images": 4, "batch_size": 4, "image_size": 0, "geometry": "own", "layers": "all", "seed": 0}


def parts_of(chapter: str) -> tuple[str, ...]:
    """The parts that a model can take in a chapter, which are its parameters, or `SYSTEM`."""
    roles = tuple(role for role in BUNDLED if role in CHAPTERS[chapter].required)
    return (*roles, SYSTEM) if SEVERAL in CHAPTERS[chapter].parameters else roles


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
    cast = {role: everyone[role] for role in parts_of(chapter) if role in everyone}
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

    None where the table has no such family. Of one file those of `FAMILIES` come first: what `MODULES` adds to them is
    of another kind. Of several that differ it is the one whose member's kind is all in the model's name, as far as
    that goes: `siglip`, not `small` or `patch16`.
    """
    table, architecture = read_table(), model.partition(".")[0]
    for name, entry in table.items():
        if entry["member"] == architecture:
            return name
    module = timm.models._registry._model_to_module.get(architecture)
    same = [name for name, entry in table.items() if entry["module"] == module]
    same = [family.name for family in FAMILIES if family.name in same] or same
    alike = {json.dumps(table[name]["chapters"]) for name in same}
    if len(alike) == 1:
        return same[0]
    kinds = {name: _find_kind(table[name]["member"]) for name in same}
    told = [name for name in same if kinds[name] <= _find_kind(architecture)]
    return max(told, key=lambda name: len(kinds[name]), default=None)


def _find_kind(architecture: str) -> set[str]:
    """The words of a name that are no size."""
    return {word for word in architecture.split("_") if not SIZE.fullmatch(word)}


def write_table(names: list[str]) -> None:
    """Try the families of these names, or all, and write what was found beside what is known of the others."""
    found = read_table() if names else {}
    for family in track([f for f in (*FAMILIES, *MODULES) if not names or f.name in names], "families"):
        module = timm.models._registry._model_to_module[family.member]
        found[family.name] = {"member": family.member, "module": module, "chapters": try_family(family)}
        ordered = {each.name: found[each.name] for each in (*FAMILIES, *MODULES) if each.name in found}
        write_text(TABLE, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def _refusal(chapter: str, part: str, member: nn.Module) -> str:
    try:
        perform(chapter, part, member)
    except InputError as error:
        return str(error)
    return ""


@cache
def _load_bundled() -> dict[str, nn.Module]:
    return {role: loading.load_random(role, name) for role, name in BUNDLED.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_table(sys.argv[1:])
    sys.exit(0)
