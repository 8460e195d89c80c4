"""Which layers are found, in which order and stage, over timm's families."""

import pytest
import timm
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.layers import Layer, count_last_stage, hooked, named_modules
from seelike.system.errors import InputError


def find(name, layers, size=64, **kwargs):
    model = timm.create_model(name, **kwargs).eval()
    return Architecture.of(model, torch.zeros(1, 3, size, size)).layers(layers)


def test_vit_has_six_layers_a_block_in_the_papers_order():
    names = [layer.name for layer in find("vit_pocket_patch8_56", "all", 56)]
    inside = ["norm1", "attn", "norm2:input", "norm2", "mlp.act"]
    blocks = [name for i in range(8) for name in (*(f"blocks.{i}.{part}" for part in inside), f"blocks.{i}")]
    assert names == ["patch_embed.proj", *blocks, "norm"]


def test_resnet_layers_and_stages():
    found = find("resnet_pocket", "all", 56)
    names = [layer.name for layer in found]
    assert names[:6] == ["stem.conv", *(f"stages.0.blocks.0.{part}" for part in ("norm1", "conv1", "norm2", "conv2")),
                         "stages.0.blocks.0"]  # fmt: skip
    assert names[-1] == "norm"  # the classifier is no layer of the representation
    assert [layer.stage for layer in found if layer.stage is None] == [None, None]
    blocks = find("resnet_pocket", "blocks", 56)
    assert [layer.stage for layer in blocks] == [f"stages.{i}" for i, n in enumerate((2, 2, 3, 3)) for _ in range(n)]


@pytest.mark.parametrize(
    ("name", "n_blocks", "n_stages"),
    [
        ("resnet18", 8, 4),
        ("resnetv2_50x1_bit", 16, 4),
        ("efficientnet_lite0", 16, 7),
        ("convnext_atto", 12, 4),
        ("regnety_002", 13, 4),
        ("mobilenetv3_small_050", 12, 6),
    ],
)
def test_cnn_families(name, n_blocks, n_stages):
    blocks = find(name, "blocks")
    assert len(blocks) == n_blocks
    assert len({layer.stage for layer in blocks}) == n_stages
    layers = [layer.name for layer in find(name, "all")]
    assert len(layers) == len(set(layers)) > 3 * n_blocks


@pytest.mark.parametrize("name", ["mixer_s32_224", "deit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_transformer_like_families_have_six_layers_a_block(name):
    blocks, layers = (find(name, role, 224) for role in ("blocks", "all"))
    for block in blocks:
        assert sum(f"{layer.name}.".startswith(f"{block.name}.") for layer in layers) == 6


@pytest.mark.parametrize(
    ("stages", "expected"), [(["1", "1", "2"], 1), (["1", "2", "2", "2"], 3), (["1", "1"], 2), (["", "", ""], 0)]
)
def test_the_last_stage_is_counted_from_the_end(stages, expected):
    assert count_last_stage([Layer(f"blocks.{i}", stage) for i, stage in enumerate(stages)]) == expected


@pytest.mark.parametrize(("name", "expected"), [("resnet_pocket", 3), ("tf_efficientnet_lite0", 1), ("resnet18", 2)])
def test_the_last_stage_of_a_cnn(name, expected):
    model = timm.create_model(name).eval()
    assert count_last_stage(Architecture.of(model, torch.zeros(1, 3, 64, 64)).layers("blocks")) == expected


def test_the_residual_sum_is_what_norm2_reads():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    seen = {}
    names = ["blocks.0.attn", "blocks.0.norm2:input", "blocks.0.norm1"]
    with hooked(model, names, seen.__setitem__), torch.inference_mode():
        tokens = model._pos_embed(model.patch_embed(torch.randn(2, 3, 56, 56)))
        model.blocks[0](tokens)
    torch.testing.assert_close(seen["blocks.0.norm2:input"], tokens + seen["blocks.0.attn"])


def test_layers_that_do_not_fire_are_left_out():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

        def group_matcher(self, coarse):
            return {"blocks": r"^blocks\.(\d+)"}

        def forward(self, x):
            return self.blocks[2](self.blocks[0](x))

    assert Architecture.of(Lazy(), torch.zeros(1, 4)).names() == ("blocks.0", "blocks.2")


def test_swin_v2_normalises_after_the_mlp_so_its_norm2_reads_no_residual_sum():
    names = [layer.name for layer in find("swinv2_cr_tiny_ns_224", "all", 224)]
    assert "layers.0.blocks.0" in names or "stages.0.blocks.0" in names
    assert not any(name.endswith(":input") for name in names)


@pytest.mark.parametrize(
    ("name", "first", "stage"),
    [
        ("poolformer_s12", "stages.0.blocks.0", "stages.0"),  # timm groups nothing
        ("pvt_v2_b0", "stages.0.blocks.0", "stages.0"),  # timm groups whole stages
        ("cait_xxs24_224", "blocks.0", ""),  # timm groups by a function
    ],
)
def test_where_timm_groups_no_blocks_they_are_the_members_of_blocks(name, first, stage):
    found = find(name, "blocks", 224)
    assert (found[0].name, found[0].stage) == (first, stage)
    assert all(".blocks." in f".{layer.name}" for layer in found)


def test_families_without_blocks_are_refused():
    with pytest.raises(InputError, match="^the model must be a model whose blocks timm groups"):
        find("coat_tiny", "all", 224)


@pytest.mark.parametrize(
    ("name", "block", "side"),
    [
        ("tnt_s_legacy_patch16_224", "blocks.0", 224),  # a tuple: pixels within patches, and patches
        ("efficientvim_m1", "stages.0.blocks.0", 64),  # a tuple: a map, and hidden states
        ("crossvit_tiny_240", "blocks.0", 240),  # a list: small patches, and large ones
    ],
)
@pytest.mark.parametrize("layers", ["blocks", "all"])
def test_blocks_of_several_streams_are_refused_not_read_by_their_first(name, block, side, layers):
    with pytest.raises(InputError, match=rf"^block {block} returns 2 tensors, not one"):
        find(name, layers, side)


class OneBlock(nn.Module):
    """A block of a norm and of an attention that returns `change` of what it is given, beside the block's output."""

    def __init__(self, change):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Module()])
        self.blocks[0].norm, self.blocks[0].attn = nn.LayerNorm(4), nn.Identity()
        self.blocks[0].attn.forward = change
        self.blocks[0].forward = self.keep

    def keep(self, x):
        self.blocks[0].attn(self.blocks[0].norm(x))
        return x

    def forward(self, x):
        return self.blocks[0](x)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda x: x, True),
        (lambda x: (x, None, [3, 2]), True),  # one tensor
        (lambda x: {"x": x}, True),
        (lambda x: x.reshape(-1, 2, 4), True),  # all windows of an image, then those of the next
        (
            lambda x: x.unflatten(1, (-1, 2)).transpose(0, 1).flatten(0, 1),
            False,
        ),  # windows, those of all images in turn
        (lambda x: x.transpose(0, 1), False),  # tokens first, an even number of them
        (lambda x: (x, x), False),
        (lambda x: torch.arange(8.0), False),  # the same for all images
        (lambda x: torch.tensor(1.0), False),
        (lambda x: None, False),
    ],
)
def test_a_layer_puts_out_one_tensor_with_the_images_one_after_the_other(change, kept):
    """Tokens x are (images, 6, 4)."""
    x = torch.randn(1, 6, 4, generator=torch.Generator().manual_seed(0))
    names = Architecture.of(OneBlock(change), x).names("all")
    assert names == ("blocks.0.norm", *["blocks.0.attn"] * kept, "blocks.0")


def test_refuses_an_unknown_set_and_a_model_without_blocks():
    with pytest.raises(InputError, match="layers must be one of blocks, all"):
        find("resnet18", "some")
    with pytest.raises(InputError, match="^the model must be a model whose blocks timm groups"):
        Architecture.of(nn.Linear(3, 3), torch.zeros(1, 3)).names()


def test_a_head_that_begins_with_a_norm_is_no_layer_but_its_norm_is():
    model = timm.create_model("convnext_atto").eval()
    found = Architecture.of(model, torch.zeros(1, 3, 64, 64)).names("all")
    assert found[-1] == "head.norm" and "head" not in found


def test_layers_that_overflow_are_found_all_the_same():
    """What they hold is refused later, by what measures them."""
    model = timm.create_model("vit_pocket_patch8_56.shapes").eval()
    with torch.no_grad():
        model.blocks[2].mlp.fc2.weight.fill_(float("nan"))
    images = torch.zeros(1, 3, 56, 56)
    assert "blocks.2" in Architecture.of(model, images).names("all")


class Holder(nn.Module):
    """A model on a backbone that is no module of it for torch."""

    def __init__(self, backbone, inner=None):
        super().__init__()
        self._held, self.inner, self.head = (backbone,), inner or nn.Identity(), nn.Linear(2, 2)

    @property
    def backbone(self):
        return self._held[0]


def test_modules_of_a_backbone_that_is_held_outside_have_names_and_each_has_one():
    backbone = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model = Holder(backbone, Holder(backbone))
    found = dict(named_modules(model))
    assert list(found) == ["", "backbone", "backbone.0", "backbone.1", "inner", "inner.inner", "inner.head", "head"]
    assert all(model.get_submodule(name) is module for name, module in found.items())


def test_a_backbone_that_is_a_module_like_others_stays_where_it_is():
    model = nn.Sequential(nn.Linear(2, 2))
    model.backbone = nn.Sequential(nn.ReLU())
    assert list(named_modules(model)) == list(model.named_modules())
