"""Loading by name, from files and with random weights; what cannot be loaded is refused by name."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from seelike.errors import InputError
from seelike.models import check_model, describe, load_model, load_random, transform_of


@pytest.fixture
def checkpoint(tmp_path):
    """Weights of a small model, as a user would have them."""
    torch.manual_seed(1)
    model = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=0)
    save_file({k: v.half() for k, v in model.state_dict().items()}, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_a_local_checkpoint_is_what_is_loaded(tmp_path):
    torch.manual_seed(1)
    saved = timm.create_model("resnet18")
    save_file(saved.state_dict(), tmp_path / "resnet.safetensors")
    loaded = load_model("cnn", "resnet18.a1_in1k", str(tmp_path / "resnet.safetensors"))
    assert all(torch.equal(v, saved.state_dict()[k]) for k, v in loaded.state_dict().items())
    assert not loaded.training


def test_position_embeddings_are_resampled_to_the_image_size():
    loaded = load_model("vit", "vit_pocket_patch8_56.shapes", image_size=80)
    assert loaded.pos_embed.shape == (1, 101, 64)
    assert transform_of(loaded, 80)(timm_image(56)).shape == (3, 80, 80)


def timm_image(size):
    from PIL import Image

    return Image.new("RGB", (size, size))


def test_keys_that_do_not_match_are_named(checkpoint):
    with pytest.raises(InputError, match=r"cnn_checkpoint=.* does not fit resnet18.*Missing key\(s\).*conv1.weight"):
        load_model("cnn", "resnet18.a1_in1k", str(checkpoint))


def test_random_weights_come_from_the_seed():
    one, same, other = (load_random("vit", "deit_tiny_patch16_224.fb_in1k", seed=s) for s in (0, 0, 1))
    assert describe(one, "deit_tiny_patch16_224") == describe(same, "deit_tiny_patch16_224")
    assert not torch.equal(one.blocks[0].attn.qkv.weight, other.blocks[0].attn.qkv.weight)


def test_the_control_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_random("cnn", "resnet18", seed=0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("name", "scale", "start"),
    [
        ("resnet18", "layer1.0.bn2.weight", 0.0),
        ("convnext_atto", "stages.0.blocks.0.gamma", 1e-6),
        ("vit_small_patch14_dinov2", "blocks.0.ls1.gamma", 1e-5),
    ],
)
def test_branches_that_start_at_nothing_start_at_full_scale_in_the_control(name, scale, start):
    """Else a block would be the identity, and all layers of the control one."""
    size = 70 if "patch14" in name else 0
    kwargs = {"img_size": size} if size else {}
    assert (timm.create_model(name, **kwargs).get_parameter(scale) == start).all()
    assert (load_random("vit", name, image_size=size).get_parameter(scale) == 1).all()


def test_biases_of_the_control_stay_at_zero():
    assert not load_random("vit", "deit_tiny_patch16_224").blocks[0].attn.qkv.bias.any()


@pytest.mark.parametrize(
    ("name", "checkpoint", "complaint"),
    [
        (
            "vit_smal_patch16_224",
            "",
            r"vit='vit_smal_patch16_224' is no model that timm knows; the nearest are vit_small_",
        ),
        ("vit_base_patch16_224.nonsense", "", "its weights are one of .*augreg_in21k.*, not 'nonsense'"),
        ("vit_pocket_patch8_56.shapes", "nowhere.safetensors", "vit_checkpoint='nowhere.safetensors' is not a file"),
        ("test_vit4", "", "has no public weights: give a file as vit_checkpoint"),
        ("", "", "is no model that timm knows"),
        ("resnet18.a1_in1k", __file__, "vit_checkpoint must be a .safetensors file"),
    ],
)
def test_refuses_before_loading(name, checkpoint, complaint):
    with pytest.raises(InputError, match=complaint):
        check_model("vit", name, checkpoint)


def test_refuses_a_truncated_safetensors_file(checkpoint):
    content = checkpoint.read_bytes()
    for kept in (0, 5, 100, len(content) - 10):
        checkpoint.write_bytes(content[:kept])
        with pytest.raises(InputError, match="vit_checkpoint=.* is truncated or no safetensors file"):
            check_model("vit", "vit_tiny_patch16_224", str(checkpoint))


def test_a_size_that_the_model_cannot_take_is_not_blamed_on_the_checkpoint(checkpoint):
    with pytest.raises(InputError, match="image_size=8 does not suit vit='vit_tiny"):
        load_model("vit", "vit_tiny_patch16_224.augreg_in21k", str(checkpoint), image_size=8)


def test_refuses_a_size_that_the_model_cannot_take():
    with pytest.raises(InputError, match=r"image_size=\d+ does not suit vit='vit_tiny"):
        load_random("vit", "vit_tiny_patch16_224", image_size=8)


def test_weights_that_cannot_be_fetched_are_refused_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="cnn='resnet18.a1_in1k': its weights could not be had"):
        load_model("cnn", "resnet18.a1_in1k")


def test_real_weights_load_at_another_size(shared):
    file = shared / "weights" / "vit_small_patch14_dinov2.safetensors"
    model = load_model("vit", "vit_small_patch14_dinov2.lvd142m", str(file), image_size=224)
    assert model.pos_embed.shape[1] == 16 * 16 + 1
    assert torch.isfinite(model(torch.zeros(1, 3, 224, 224))).all()
