"""Residual sums: found in timm's families, exact to the bit, refused where blocks do not add up."""

import pytest
import timm
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.residuals import find_skipless, read_sums
from seelike.system.errors import InputError


def images(side, n=2):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def read(model, x, reduce=lambda branch: (branch.z, branch.f)):
    return read_sums(model, x, Architecture.of(model, x).names(), reduce)


@pytest.mark.parametrize(
    ("name", "side", "first", "n"),
    [
        ("vit_pocket_patch8_56", 56, ["blocks.0.attn", "blocks.0.mlp"], 16),
        ("mixer_pocket_patch8_56", 56, ["blocks.0.mlp_tokens", "blocks.0.mlp_channels"], 16),
        ("resnet_pocket", 56, ["stages.0.blocks.0", "stages.0.blocks.1"], 10),  # pre-activation
        ("resnet18", 64, ["layer1.0", "layer1.1"], 8),  # post-activation, sums in place
        ("seresnet18", 64, ["layer1.0", "layer1.1"], 8),
        ("efficientnet_lite0", 64, ["blocks.1.1", "blocks.2.1"], 9),  # of 16 blocks, those with a skip
        ("convnext_atto", 64, ["stages.0.blocks.0", "stages.0.blocks.1"], 12),
        ("regnety_002", 64, ["s1.b1", "s2.b1"], 13),
        ("swin_tiny_patch4_window7_224", 224, ["layers.0.blocks.0.attn", "layers.0.blocks.0.mlp"], 24),
    ],
)
def test_families_whose_sums_add_up(name, side, first, n):
    found = read(timm.create_model(name).eval(), images(side, 1), lambda branch: branch.z.shape == branch.f.shape)
    assert list(found)[:2] == first and len(found) == n and all(found.values())


def test_agrees_with_the_blocks_own_steps():
    model = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval()
    found = read(model, images(56))
    with torch.no_grad():
        x = model._pos_embed(model.patch_embed(images(56)))
        for i, block in enumerate(model.blocks):
            f = block.attn(block.norm1(x))
            assert torch.equal(found[f"blocks.{i}.attn"][0], x) and torch.equal(found[f"blocks.{i}.attn"][1], f)
            x = x + f
            f = block.mlp(block.norm2(x))
            assert torch.equal(found[f"blocks.{i}.mlp"][0], x) and torch.equal(found[f"blocks.{i}.mlp"][1], f)
            x = x + f


def test_the_branch_is_taken_after_layer_scale():
    plain = timm.create_model("vit_pocket_patch8_56").eval()
    scaled = timm.create_model("vit_pocket_patch8_56", init_values=1.0).eval()
    scaled.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        scaled.blocks[0].ls1.gamma.fill_(0.5)
    one, other = (read(model, images(56))["blocks.0.attn"] for model in (plain, scaled))
    assert torch.equal(one[0], other[0])
    torch.testing.assert_close(other[1], 0.5 * one[1])


def test_a_downsampling_shortcut_is_the_skip():
    model = timm.create_model("resnet18").eval()
    x = images(64)
    z, f = read(model, x)["layer2.0"]
    seen = {}
    model.layer2[0].downsample.register_forward_hook(lambda _, __, output: seen.update(z=output.clone()))
    model.layer2[0].register_forward_hook(lambda _, __, output: seen.update(out=output.clone()))
    with torch.no_grad():
        model(x)
    assert torch.equal(z, seen["z"]) and torch.equal((z + f).relu(), seen["out"])


@pytest.mark.parametrize(
    ("name", "side", "changed"),
    [
        ("vit_pocket_patch8_56", 56, []),
        ("resnet_pocket", 56, ["stages.1.blocks.0", "stages.2.blocks.0", "stages.3.blocks.0"]),
        ("resnet18", 64, ["layer2.0", "layer3.0", "layer4.0"]),
        ("resnet18d", 64, ["layer2.0", "layer3.0", "layer4.0"]),  # it pools first
        ("resnet26", 64, ["layer1.0", "layer2.0", "layer3.0", "layer4.0"]),
        ("efficientnet_lite0", 64, []),  # a block that changes the size has no skip at all
        ("convnext_atto", 64, []),  # whose shortcuts are modules that do nothing
    ],
)
def test_tells_identity_skips_from_shortcuts(name, side, changed):
    identity = read(timm.create_model(name).eval(), images(side, 1), lambda branch: branch.identity)
    assert [sublayer for sublayer, same in identity.items() if not same] == changed


def test_an_identity_skip_carries_the_block_s_input_and_a_shortcut_does_not():
    model, seen = timm.create_model("resnet18").eval(), {}
    for name in ("layer2.0", "layer2.1"):
        module = model.get_submodule(name)
        module.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0].clone()}))
    found = read(model, images(64))
    assert torch.equal(found["layer2.1"][0], seen["layer2.1"]) and found["layer2.0"][0].shape != seen["layer2.0"].shape


def test_a_model_without_residual_blocks_or_with_other_ones_is_refused():
    with pytest.raises(InputError, match="^the model must be a model of residual blocks, such as .*; DaVit is none"):
        read(timm.create_model("davit_tiny").eval(), images(64, 1))
    with pytest.raises(
        InputError, match=r"^the model must be a model whose blocks return z \+ f\(z\), .*; blocks.4 of PocketViT"
    ):
        read(timm.create_model("vit_pocket_noskip4_patch8_56").eval(), images(56))


@pytest.mark.parametrize("block", [1, 4, 6])
@pytest.mark.parametrize("pretrained", [True, False])
def test_finds_the_block_without_skips(block, pretrained):
    model = timm.create_model(f"vit_pocket_noskip{block}_patch8_56", pretrained=pretrained).eval()
    assert find_skipless(model, images(56), Architecture.of(model, images(56)).names()) == block


class OneSkip(timm.models.vision_transformer.Block):
    """A block that keeps its second skip."""

    def forward(self, x, **_):
        x = self.drop_path1(self.ls1(self.attn(self.norm1(x))))
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


@pytest.mark.parametrize("change", ["none", "one skip", "the first", "two"])
def test_refuses_what_is_no_single_cut(change):
    model = timm.create_model("vit_pocket_patch8_56" if change != "two" else "vit_pocket_noskip4_patch8_56").eval()
    skipless = timm.create_model("vit_pocket_noskip1_patch8_56").blocks[1]
    if change == "one skip":
        model.blocks[3] = OneSkip(64, 4).eval()
    elif change in ("the first", "two"):
        model.blocks[0 if change == "the first" else 6] = skipless.eval()
    with pytest.raises(InputError, match="^the model must be a model with one block without skips, not its first"):
        find_skipless(model, images(56), Architecture.of(model, images(56)).names())


def test_leaves_no_hook_and_no_mode_behind():
    model = timm.create_model("vit_pocket_patch8_56").train()
    read(model, images(56))
    assert model.training and not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_branches_without_names_of_their_own_are_numbered():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(3, 3, 1)
            self.drop_path = nn.Identity()

        def forward(self, x):
            x = x + self.drop_path(self.one(x))
            return x + self.drop_path(self.one(x))

    assert list(read(Wrapped(Odd()), images(4))) == ["blocks.0.0", "blocks.0.1"]


class Wrapped(nn.Module):
    """A model of one block."""

    def __init__(self, block):
        super().__init__()
        self.blocks = nn.ModuleList([block])

    def group_matcher(self, coarse):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        return self.blocks[0](x)
