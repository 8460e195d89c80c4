"""The bundled models: registered with timm, hashed, as good as their cards say."""

import hashlib
import shutil

import pytest
import timm
import torch
from safetensors.torch import load_file

from seelike import zoo
from seelike.errors import InputError
from seelike.shapes import best_accuracy
from seelike.train import draw_split, measure_accuracy


@pytest.mark.parametrize("name", zoo.NAMES)
def test_timm_loads_exactly_the_shipped_weights(name):
    model = timm.create_model(name, pretrained=True)
    shipped = load_file(zoo.WEIGHTS / f"{name}.safetensors")
    assert model.state_dict().keys() == shipped.keys()
    for key, value in model.state_dict().items():
        assert shipped[key].dtype == torch.float16
        assert torch.equal(value, shipped[key].float())
    assert name in timm.list_models(name, pretrained=True)


@pytest.mark.parametrize("name", zoo.NAMES)
def test_manifest_tells_the_truth(name):
    card = zoo.read_manifest()[name]
    file = zoo.WEIGHTS / card["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card["sha256"]
    model = timm.create_model(name, pretrained=True)
    assert sum(p.numel() for p in model.parameters()) == card["parameters"] <= 1_500_000
    images, labels = draw_split("test", 500)
    accuracy = measure_accuracy(model, images, labels)
    assert accuracy == pytest.approx(card["test_accuracy"], abs=0.06)
    assert accuracy > best_accuracy(("texture", "hue"))  # no local reader of the drawings is as good
    assert measure_accuracy(timm.create_model(name), images, labels) < 0.2


def test_the_two_models_are_of_similar_accuracy():
    one, other = (card["test_accuracy"] for card in zoo.read_manifest().values())
    assert abs(one - other) < 0.1


def test_initial_state_is_drawn_from_the_seed():
    one, same, other = (timm.create_model("vit_pocket_patch8_56", seed=s) for s in (0, 0, 1))
    torch.testing.assert_close(one.state_dict(), same.state_dict(), rtol=0, atol=0)
    weight, another = one.blocks[3].mlp.fc1.weight, other.blocks[3].mlp.fc1.weight
    assert not torch.equal(weight, another)
    assert weight.std().item() == pytest.approx(0.8 / 64**0.5, rel=0.03)
    assert (one.norm.weight == 1).all() and (one.norm.bias == 0).all() and (one.head.bias == 0).all()


def test_architectures_are_the_papers_made_small():
    vit, resnet = (timm.create_model(name).eval() for name in zoo.ARCHITECTURES)
    assert len(vit.blocks) >= 8 and vit.cls_token is not None and vit.global_pool == "token"
    maps = resnet.forward_intermediates(torch.zeros(1, 3, 56, 56), intermediates_only=True)
    assert [m.shape[-1] for m in maps] == [56, 56, 28, 14, 7]
    assert vit.patch_embed.grid_size == (7, 7)


def test_timm_adapts_them_as_any_other_model():
    assert timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True, num_classes=3).head.out_features == 3
    assert timm.create_model("resnet_pocket.shapes", pretrained=True, num_classes=0)(
        torch.zeros(1, 3, 56, 56)
    ).shape == (1, 128)


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_damaged_weights_are_refused(damage, tmp_path):
    shutil.copytree(zoo.WEIGHTS, tmp_path / "weights")
    file = tmp_path / "weights" / "resnet_pocket.shapes.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink() if damage == "missing" else file.write_bytes(content if damage == "flipped" else content[:1000])
    state = "missing" if damage == "missing" else "damaged"
    with pytest.raises(InputError, match=f"resnet_pocket.shapes.safetensors are {state}.*git checkout"):
        zoo.check_weights(file)
