"""Every family of timm in every chapter: it runs, with axes that name what fired, or it is refused in one sentence."""

import re
from dataclasses import replace
from functools import cache

import pytest
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.forward import read_once
from seelike.activations.layers import INPUT, named_modules
from seelike.chapters.registry import CHAPTERS
from seelike.compatibility.families import find_family, load_member, parts_of, perform, read_table
from seelike.compatibility.members import FAMILIES, MODULES
from seelike.system.errors import InputError

GLOBAL = {"gmlp_ti16_224", "duoformer_pocket_56"}  # their first block mixes all positions, or stands on a whole CNN


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.name)  # all tests of one come together
def family(request):
    return request.param


@cache
def try_all(family) -> dict:
    """Chapter → part → the axes of what it found there by measure and model, or its refusal."""
    member = load_member(family)
    return {chapter: {part: try_part(chapter, part, member) for part in parts_of(chapter)} for chapter in CHAPTERS}


def try_part(chapter, part, member):
    try:
        found = perform(chapter, part, member).arrays()
    except InputError as error:
        return str(error)
    return {(measure, model): entry.axes for measure, models in found.items() for model, entry in models.items()}


@pytest.mark.families
def test_the_published_table_is_what_the_chapters_do(family):
    published = read_table()[family.name]
    assert published["member"] == family.member
    assert published["chapters"] == {
        chapter: {part: found if isinstance(found, str) else "" for part, found in parts.items()}
        for chapter, parts in try_all(family).items()
    }


def test_refusals_are_one_sentence_that_names_the_part(family):
    for parts in read_table()[family.name]["chapters"].values():
        for part, refusal in parts.items():
            assert not refusal or re.match(rf"{part}(_3pct)? ", refusal)  # where the same model stands for both
            assert len(refusal) < 300 and "\n" not in refusal


@pytest.mark.families
def test_layers_on_the_axes_are_those_that_fired_in_the_order_of_firing(family):
    order = {name: index for index, name in enumerate(fire(load_member(family)))}
    for parts in try_all(family).values():
        for part, found in parts.items():
            for labels in find_layer_labels(part, found) if isinstance(found, dict) else ():
                assert [order[label] for label in labels] == sorted({order[label] for label in labels})


def fire(member) -> list[str]:
    """What modules read and return in one pass, by name, in the order in which they first do."""
    fired: dict[str, None] = {}
    handles = []
    for name, module in named_modules(member):
        handles.append(module.register_forward_pre_hook(lambda _, __, name=name: fired.setdefault(name + INPUT)))
        handles.append(module.register_forward_hook(lambda _, __, ___, name=name: fired.setdefault(name)))
    with torch.inference_mode():
        member(torch.zeros(2, *member.pretrained_cfg["input_size"]))
    for handle in handles:
        handle.remove()
    return list(fired)


def find_layer_labels(part: str, found: dict) -> list[list[str]]:
    """The axes of this part's layers; of receptive fields its blocks, its branches and its sums apart."""
    axes = [(measure, labels) for (measure, model), own in found.items() for axis, labels in own.items()
            if "patch" not in own  # else the other is a patch, too
            and (axis == f"{part}_layer" or (model == part and axis in ("layer", "other", "block")))]  # fmt: skip
    ends = (INPUT, ".attn", ".mlp")
    fields = [labels for measure, labels in axes if measure in ("receptive_field", "effective_radius", "own_share")]
    groups = [[[x for x in labels if x.endswith(end)] for end in ends] for labels in fields]
    groups += [[[x for x in labels if not x.endswith(ends)]] for labels in fields]
    whole = [[label for label in labels if label != "pixels"] for _, labels in axes if labels not in fields]
    return whole + [group for each in groups for group in each]


@pytest.mark.families
def test_a_token_stands_where_its_patch_does(family):
    """A change of one patch changes the token of that position most, in the first block."""
    if isinstance(try_all(family)["localization"]["vit"], str) or family.member in GLOBAL:
        pytest.skip("refused, or its first block mixes all positions")
    member = load_member(family)
    height, width = member.pretrained_cfg["input_size"][1:]
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    blocks = Architecture.of(member, x).blocks()
    first = replace(blocks, names=blocks.names[:1])
    for row, column in ((0, blocks.columns - 1), (blocks.rows - 1, 0), (blocks.rows // 2, blocks.columns // 2)):
        changed = x.clone()
        top, left = (row * height // blocks.rows, column * width // blocks.columns)
        changed[:, :, top : top + height // blocks.rows, left : left + width // blocks.columns] += 2
        before, after = (
            read_once(member, each, first.reading(member, each, lambda t: t.grid))[0][first.names[0]]
            for each in (x, changed)
        )
        distance = (after - before).norm(dim=-1)[0]
        assert divmod(int(distance.argmax()), blocks.columns) == (row, column)


def test_the_table_has_every_chapter_of_measures_and_every_family():
    table = read_table()
    assert list(table) == [family.name for family in (*FAMILIES, *MODULES)]
    assert all(list(entry["chapters"]) == list(CHAPTERS) for entry in table.values())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("deit_tiny_distilled_patch16_224.fb_in1k", "DeiT with distillation token"),
        ("resnet50.a1_in1k", "ResNet"),
        ("vit_dwee_patch16_reg1_gap_256.sbb_in1k", "ViT with differential attention"),
        ("pit_s_224.in1k", "PiT"),
        ("tnt_b_patch16_224.in1k", "TNT (pixels within patches)"),
        ("no_such_model", None),
    ],
)
def test_a_model_is_known_by_its_family(model, name):
    assert find_family(model) == name
