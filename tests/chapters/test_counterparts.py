"""Models that are told to differ in training alone are of one design, or refused with the parameter's name."""

import pytest
import timm

import seelike  # noqa: F401 (timm then knows the bundled models)
from seelike.chapters.counterparts import check_each
from seelike.system.errors import InputError

VIT = "vit_pocket_patch8_56.shapes"


def check(role: str, name: str, pooled: bool = False) -> list:
    models = {"vit": timm.create_model(VIT), role: timm.create_model(name, num_classes=7)}
    return list(check_each([models, {"vit": models["vit"]}], [role, "vit_other"], pooled))


@pytest.mark.parametrize("name", [f"{VIT}_3pct", "vit_pocket_noskip1_patch8_56.shapes"])
def test_counterparts_pass_whatever_their_heads(name):
    assert len(check("vit_low_data", name)) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vit_smallpocket_patch8_56.shapes", "blocks.6.norm1.weight is missing instead of 64"),
        ("vit_pocket_patch8_gap_56.shapes", "pos_embed is 1×49×64 instead of 1×50×64"),
        ("vit_pocket_patch4_32.cifar10", "pos_embed is 1×65×64 instead of 1×50×64"),
        ("resnet_pocket.shapes", "vit_low_data must be of the design of vit"),
    ],
)
def test_another_design_is_refused(name, said):
    with pytest.raises(InputError, match="vit_low_data must be of the design of vit, .* or empty: ") as refused:
        check("vit_low_data", name)
    assert said in str(refused.value)


def test_pooling_may_differ_where_that_is_asked():
    assert len(check("vit_gap", "vit_pocket_patch8_gap_56.shapes", pooled=True)) == 2
    with pytest.raises(InputError, match="vit_gap must be of the design of vit"):
        check("vit_gap", "vit_smallpocket_patch8_56.shapes", pooled=True)


def test_a_counterpart_may_stand_beside_another_model_than_the_vit():
    small = "vit_smallpocket_patch8_56.shapes"
    models = {"vit": timm.create_model(VIT), "vit_small": timm.create_model(small)}
    beside = {"vit_small_3pct": "vit_small", "cnn_3pct": "cnn"}  # a model that is not there compares with nothing
    assert list(check_each([models | {"cnn_3pct": timm.create_model("resnet_pocket")}], beside))
    with pytest.raises(InputError, match="^vit_small_3pct must be of the design of vit_small, with which"):
        list(check_each([models | {"vit_small_3pct": timm.create_model(VIT)}], beside))
