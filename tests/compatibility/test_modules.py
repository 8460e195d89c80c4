"""One member of every module of timm that builds an image model: what a slow look at its blocks says of grids and axes.

An independent statement of what a layer returns: two images in the other order are its output in the other order; and
of the positions that the book reads, each follows the patch of the image that lies there. That holds of no other order
of tokens, no other axis of channels, no other number of tokens before them.
"""

import re

import pytest
import torch
from timm.models._registry import _model_to_module, _module_to_models

from seelike.activations.architecture import Architecture
from seelike.activations.layers import INPUT
from seelike.activations.tokens import split
from seelike.compatibility.families import load_member, read_table, try_family
from seelike.compatibility.members import FAMILIES, MODULES
from seelike.system.errors import InputError

SIDE = 4  # patches a side, one of which is changed at a time
ALIKE = {"gmlp_ti16_224"}  # their first block mixes all positions alike

every_family = pytest.mark.parametrize("family", (*FAMILIES, *MODULES), ids=lambda family: family.name)


def test_every_module_of_timm_has_a_member():
    assert set(_module_to_models) <= {_model_to_module[family.member] for family in (*FAMILIES, *MODULES)}


def test_a_family_is_named_once():
    names = [family.name for family in (*FAMILIES, *MODULES)]
    assert len(set(names)) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("family", MODULES, ids=lambda family: family.name)
def test_the_published_table_is_what_the_chapters_do(family):
    assert read_table()[family.name]["chapters"] == try_family(family)


@pytest.mark.slow
@every_family
def test_every_layer_puts_out_one_tensor_that_follows_its_images(family):
    member = load_member(family)
    image = make_image(member)
    images = torch.cat([image, image.flip(-1)])
    try:
        names = Architecture.of(member, image).names("all")
    except InputError as refusal:
        return expect_a_reason(member, images, refusal)
    one, other = (put_out(member, each, names) for each in (images, images.flip(0)))
    for name in names:
        assert len(one[name]) == 1
        first, second = (each[name][0].reshape(2, -1) for each in (one, other))
        torch.testing.assert_close(first, second.flip(0), rtol=1e-3, atol=1e-3 * float(first.abs().max()), msg=name)


@pytest.mark.slow
@every_family
def test_places_follow_the_patches_that_lie_there(family):
    """In the first block of every form: list or map, with tokens before the patches or without."""
    member = load_member(family)
    image = make_image(member)
    try:
        names = Architecture.of(member, image).blocks().names
    except InputError:
        pytest.skip("refused, as the table says")
    if family.member in ALIKE:
        pytest.skip("the first block mixes all positions alike")
    outputs = put_out(member, change_patches(image), names)
    seen = set()
    for name in names:
        tokens = split(member, name, outputs[name][0], image.expand(1 + SIDE**2, -1, -1, -1))
        form = outputs[name][0].ndim, tokens.prefix.shape[1]
        if form not in seen:
            check_positions(tokens.grid)
        seen.add(form)


def make_image(member):
    """Of the size that the member says it takes: (1, 3, height, width)."""
    height, width = member.pretrained_cfg["input_size"][1:]
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def put_out(member, images, names):
    """All tensors that layers return in one pass, by name."""
    modules, found, handles = dict(member.named_modules()), {}, []

    def keep(name, output):
        found[name] = [x.clone() for x in find_all(output)]

    for name in names:
        if name.endswith(INPUT):
            module = modules[name.removesuffix(INPUT)]
            handles.append(module.register_forward_pre_hook(lambda _, inputs, name=name: keep(name, inputs[0])))
        else:
            handles.append(modules[name].register_forward_hook(lambda _, __, output, name=name: keep(name, output)))
    with torch.inference_mode():
        member(images)
    for handle in handles:
        handle.remove()
    return found


def find_all(output):
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    return [x for part in parts for x in find_all(part)]


def expect_a_reason(member, images, refusal):
    """No layers are found where no block runs, or one returns several tensors."""
    if "returns" not in str(refusal):
        assert "names none" in str(refusal)
        return
    (block,) = re.findall(r"block (\S+) returns \d+ tensors", str(refusal))
    assert len(put_out(member, images, [block])[block]) > 1


def change_patches(image):
    """An image as it is, and with one of 4 × 4 patches drawn anew, row by row: (17, 3, height, width)."""
    generator = torch.Generator().manual_seed(1)
    changed = image.repeat(1 + SIDE**2, 1, 1, 1)
    rows, columns = (torch.arange(SIDE + 1) * n // SIDE for n in image.shape[-2:])
    for number in range(SIDE**2):
        row, column = divmod(number, SIDE)
        patch = changed[number + 1, :, rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
        patch[:] = 2 * torch.rand(patch.shape, generator=generator) - 0.5
    return changed


def check_positions(grid):
    """Of the positions (1 + 16, rows, columns, channels), each depends on patches that lie around it, on average."""
    moved = (grid[1:] - grid[:1]).double().norm(dim=-1)
    weights = (moved / moved.mean(0)) ** 2
    weights = (weights / weights.sum(0)).unflatten(0, (SIDE, SIDE))
    patches = torch.arange(SIDE).double()
    y, x = torch.einsum("pqrc,p->rc", weights, patches), torch.einsum("pqrc,q->rc", weights, patches)
    rows, columns = torch.meshgrid(*(torch.arange(n).double() for n in y.shape), indexing="ij")
    assert correlate(y, rows) > 0.85 and correlate(x, columns) > 0.85
    assert abs(correlate(y, columns)) < 0.2 and abs(correlate(x, rows)) < 0.2


def correlate(one, other):
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.mark.parametrize(
    "broken", [lambda g: g.transpose(1, 2), lambda g: g.roll(2, 2), lambda g: g.flatten(1, 2)[:, torch.randperm(64)]]
)
def test_the_slow_look_sees_places_in_another_order(broken):
    """Of a map that is the image itself, 8 × 8; and of one whose rows are columns, or are moved, or in no order."""
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    grid = change_patches(image).movedim(1, -1) + 1e-3 * torch.rand(17, 8, 8, 3)
    check_positions(grid)
    with pytest.raises(AssertionError):
        check_positions(broken(grid).reshape(grid.shape))


def test_the_slow_look_sees_windows():
    """(windows, tokens, channels) of 4 × 4 windows of 4 × 4 tokens is no grid of 16 × 16."""
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    grid = change_patches(image).movedim(1, -1) + 1e-3 * torch.rand(17, 16, 16, 3)
    check_positions(grid)
    windows = grid.unflatten(1, (4, 4)).unflatten(3, (4, 4)).transpose(2, 3).reshape(grid.shape)
    with pytest.raises(AssertionError):
        check_positions(windows)
