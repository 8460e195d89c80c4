"""Names of before and of elsewhere: each leads to a model that timm has, and to the right one."""

import re

import pytest
import timm
import torchvision
from timm.models import get_deprecated_models

from seelike.models.names import check_name
from seelike.models.spellings import ABSENT, find_current, suggest
from seelike.system.errors import InputError

RIGHT = {
    "vit_b_16": "vit_base_patch16_224",
    "vit_l_32": "vit_large_patch32_224",
    "vit_h_14": "vit_huge_patch14_224",
    "swin_v2_t": "swinv2_tiny_window8_256",
    "regnet_y_400mf": "regnety_004",
    "regnet_x_1_6gf": "regnetx_016",
    "regnet_x_8gf": "regnetx_080",
    "regnet_y_128gf": "regnety_1280",
    "efficientnet_v2_m": "tf_efficientnetv2_m",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "resnet50.IMAGENET1K_V2": "resnet50.tv2_in1k",
    "resnet50 IMAGENET1K_V1": "resnet50.tv_in1k",
    "densenet121.IMAGENET1K_V1": "densenet121.tv_in1k",
    "convnext_tiny.IMAGENET1K_V1": "convnext_tiny",
    "vit_b_16.IMAGENET1K_V1": "vit_base_patch16_224",
    "dinov2_vits14": "vit_small_patch14_dinov2.lvd142m",
    "dinov2_vitg14_reg": "vit_giant_patch14_reg4_dinov2.lvd142m",
    "dinov3_vitb16": "vit_base_patch16_dinov3.lvd1689m",
    "dino_vitb8": "vit_base_patch8_224.dino",
}


@pytest.mark.parametrize(("name", "right"), RIGHT.items())
def test_a_name_of_torchvision_or_torch_hub_is_refused_with_timms(name, right):
    assert timm.is_model(right.partition(".")[0])
    assert "." not in right or right in timm.list_pretrained()
    with pytest.raises(InputError, match=f"vit='{name}'.*; did you mean {right}\\?$"):
        check_name("vit", name, "")


def test_every_model_of_torchvision_is_known_to_timm_or_translated_or_absent():
    for name in torchvision.models.list_models(module=torchvision.models):
        if not timm.is_model(name):
            meant = suggest(name).removeprefix("; did you mean ").removesuffix("?")
            assert timm.list_pretrained(f"{meant}*") if meant else re.fullmatch(ABSENT, name), name


def test_typing_errors_still_find_the_nearest_name():
    assert suggest("vit_smal_patch16_224") == "; did you mean vit_small_patch16_224?"


def test_every_name_of_before_leads_to_weights_of_today():
    known = timm.list_pretrained()
    for before in get_deprecated_models():
        now = find_current(before)
        assert now != before and now not in get_deprecated_models()
        if now in known or "." not in now:
            check_name("vit", now, "")
        else:  # a slip in timm's own table, as of 1.0.27: sam, which is sam_in1k
            with pytest.raises(InputError, match="its weights are one of"):
                check_name("vit", now, "")
    assert find_current("vit_base_patch16_224_in21k") == "vit_base_patch16_224.augreg_in21k"
    assert find_current("resnet50.a1_in1k") == "resnet50.a1_in1k" and find_current("nonsense") == "nonsense"
