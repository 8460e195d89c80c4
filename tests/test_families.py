"""Every family of timm in every chapter: it runs, with axes that name what fired, or it is refused in one sentence."""

import re
from dataclasses import replace

import pytest
import torch

from seelike.errors import InputError
from seelike.families import FAMILIES, find_family, load_member, parts_of, perform, read_table
from seelike.layers import INPUT
from seelike.rehearsal import CHAPTERS
from seelike.tokens import Blocks

GLOBAL = {"gmlp_ti16_224"}  # their first block mixes all places alike


EACH = [pytest.param(family, id=family.name, marks=pytest.mark.xdist_group(family.name)) for family in FAMILIES]


@pytest.fixture(scope="module", params=EACH)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def member(family):
    return load_member(family)


@pytest.fixture(scope="module")
def outcomes(member):
    """Chapter → part → what it found there, or its refusal."""
    return {chapter: {part: try_part(chapter, part, member) for part in parts_of(chapter)} for chapter in CHAPTERS}


def try_part(chapter, part, member):
    try:
        return perform(chapter, part, member).arrays()
    except InputError as error:
        return str(error)


def test_the_published_table_is_what_the_chapters_do(family, outcomes):
    published = read_table()[family.name]
    assert published["member"] == family.member
    assert published["chapters"] == {
        chapter: {part: found if isinstance(found, str) else "" for part, found in parts.items()}
        for chapter, parts in outcomes.items()
    }


def test_refusals_are_one_sentence_that_names_the_part(family):
    for parts in read_table()[family.name]["chapters"].values():
        for part, refusal in parts.items():
            assert not refusal or re.match(rf"{part} ", refusal)
            assert len(refusal) < 300 and "\n" not in refusal


def test_layers_on_the_axes_are_those_that_fired_in_the_order_of_firing(member, outcomes):
    order = {name: place for place, name in enumerate(fire(member))}
    for parts in outcomes.values():
        for part, found in parts.items():
            for labels in find_layer_labels(part, found) if isinstance(found, dict) else ():
                assert [order[label] for label in labels] == sorted({order[label] for label in labels})


def fire(member) -> list[str]:
    """What modules read and put out in one pass, by name, in the order in which they first do."""
    fired: dict[str, None] = {}
    handles = []
    for name, module in member.named_modules():
        handles.append(module.register_forward_pre_hook(lambda _, __, name=name: fired.setdefault(name + INPUT)))
        handles.append(module.register_forward_hook(lambda _, __, ___, name=name: fired.setdefault(name)))
    with torch.inference_mode():
        member(torch.zeros(2, *member.pretrained_cfg["input_size"]))
    for handle in handles:
        handle.remove()
    return list(fired)


def find_layer_labels(part: str, found: dict) -> list[list[str]]:
    """The axes of a chapter's arrays that are of this part's layers, blocks and sublayers with modules of their own."""
    axes = [(model, axis, labels) for models in found.values() for model, entry in models.items()
            for axis, labels in entry["axes"].items()]  # fmt: skip
    own = [labels for model, axis, labels in axes
           if axis == f"{part}_layer" or (model == part and axis in ("layer", "other", "block"))]  # fmt: skip
    return [[label for label in labels if label != "pixels"] for labels in own]


def test_a_token_stands_where_its_patch_does(family, member, outcomes):
    """A change of one patch changes the token of that place most, in the first block."""
    if isinstance(outcomes["localization"]["vit"], str) or family.member in GLOBAL:
        pytest.skip("refused, or its first block mixes all places alike")
    height, width = member.pretrained_cfg["input_size"][1:]
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    blocks = Blocks.of("vit", member, x)
    first = replace(blocks, names=blocks.names[:1])
    for row, column in ((0, blocks.columns - 1), (blocks.rows - 1, 0), (blocks.rows // 2, blocks.columns // 2)):
        changed = x.clone()
        top, left = (row * height // blocks.rows, column * width // blocks.columns)
        changed[:, :, top : top + height // blocks.rows, left : left + width // blocks.columns] += 2
        (before,), (after,) = (first.read("vit", member, each, lambda t: t.grid).values() for each in (x, changed))
        distance = (after - before).norm(dim=-1)[0]
        assert divmod(int(distance.argmax()), blocks.columns) == (row, column)


def test_the_table_has_every_chapter_of_measures_and_every_family():
    table = read_table()
    assert list(table) == [family.name for family in FAMILIES]
    assert all(list(entry["chapters"]) == list(CHAPTERS) for entry in table.values())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("deit_tiny_distilled_patch16_224.fb_in1k", "DeiT with distillation token"),
        ("resnet50.a1_in1k", "ResNet"),
        ("no_such_model", None),
    ],
)
def test_a_model_is_known_by_its_family(model, name):
    assert find_family(model) == name
