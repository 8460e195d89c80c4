"""Names: weights from a file never bear timm's tag, those of the hub and bundled ones keep it."""

import pytest
import timm
import torch

from seelike.models.identity import check_label
from seelike.models.loading import check_model, describe, load_model, load_random
from seelike.system.errors import InputError

TAGGED = "test_vit.r160_in1k"


@pytest.fixture
def weights(tmp_path) -> str:
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "w.pth")
    return str(tmp_path / "w.pth")


def test_of_a_file_the_tag_is_dropped_and_the_label_kept(weights):
    known = describe(load_model("vit", TAGGED, weights), TAGGED, weights, "ViT of mine")
    assert (known["name"], known["architecture"], known["origin"]) == ("ViT of mine", "test_vit", "file")
    assert known["file"] == "w.pth" and len(known["file_sha256"]) == 64
    unnamed = describe(load_model("vit", TAGGED, weights), TAGGED, weights)
    assert unnamed["name"] == "test_vit with weights from w.pth"


def test_a_control_of_a_file_has_no_tag_either(weights):
    known = describe(load_random("vit", TAGGED), TAGGED, weights, initial=True)
    assert (known["name"], known["origin"]) == ("test_vit", "random") and "file" not in known


def test_a_bundled_model_keeps_its_tag_unless_its_weights_are_another_files(weights):
    name = "vit_pocket_patch8_56.shapes"
    model = load_model("vit", name)
    assert describe(model, name).items() >= {"name": name, "origin": "bundled"}.items()
    file = str(model.pretrained_cfg["file"])
    known = describe(load_model("vit", name, file), name, file)
    assert known["architecture"] == "vit_pocket_patch8_56" and known["name"] != name


@pytest.mark.parametrize(
    ("label", "checkpoint", "complaint"),
    [
        ("DeiT", "", "vit_label is for weights of your own: .* vit_checkpoint"),
        ("two\nlines", "w.pth", "vit_label must be at most 80 letters"),
        ("a | b", "w.pth", "vit_label must be"),
        ("$x$", "w.pth", "vit_label must be"),
        ("x" * 81, "w.pth", "vit_label must be"),
    ],
)
def test_labels_that_cannot_be_shown_are_refused(label, checkpoint, complaint):
    with pytest.raises(InputError, match=complaint):
        check_label("vit", label, checkpoint)


def test_the_label_is_checked_before_the_file():
    with pytest.raises(InputError, match="vit_label"):
        check_model("vit", TAGGED, "", "mine")
