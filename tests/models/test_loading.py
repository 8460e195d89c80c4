"""Loading by name, from files and with random weights; what cannot be loaded is refused by name."""

import argparse
import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

from seelike.models import parts
from seelike.models.checkpoints import Misfit
from seelike.models.loading import _count_classes, check_model, describe, load_model, load_random, transform_of
from seelike.system.errors import InputError


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


def see_edges(transform) -> list[float]:
    """Where in a picture of 256 pixels a side a model's view begins and ends, as shares of the side.

    The picture's red is the place from left to right; the view's is read at the first and the last pixel, in colours
    that are the picture's own again. Half a pixel of each view and of the picture lies beyond.
    """
    from PIL import Image

    ramp = Image.fromarray(np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3)).copy())
    normalize = transform.transforms[-1]
    row = transform(ramp)[0, 100] * normalize.std[0] + normalize.mean[0]
    half = (row[-1] - row[0]) / (len(row) - 1) / 2
    return [float(row[0] - half) * 255 / 256 + 0.5 / 256, float(row[-1] + half) * 255 / 256 + 0.5 / 256]


VIEWS = {"vit_tiny_patch16_224.augreg_in21k": 0.9, "resnet18.tv_in1k": 0.875, "test_resnet.r160_in1k": 0.95}


def test_each_model_sees_its_own_part_of_a_picture_and_all_the_same_where_one_lends_its_geometry():
    """The share of a side that is seen is crop_pct, centred; a pixel of the smallest view is 1/160 of it."""
    loaded = {name: load_random("vit", name) for name in VIEWS}
    for name, share in VIEWS.items():
        assert see_edges(transform_of(loaded[name])) == pytest.approx([(1 - share) / 2, (1 + share) / 2], abs=0.007)
        lent = timm.get_pretrained_cfg(name)
        for other, model in loaded.items():
            shared = transform_of(model, 0, lent)
            assert see_edges(shared) == pytest.approx([(1 - share) / 2, (1 + share) / 2], abs=0.007)
            own = transform_of(model)
            for kind in ("mean", "std"):
                assert torch.equal(getattr(shared.transforms[-1], kind), getattr(own.transforms[-1], kind))
            if other == name:
                assert shared is own  # and its view is taken once


def test_at_one_image_size_all_pixels_are_the_same_but_for_the_normalisation(generator):
    from PIL import Image

    picture = Image.fromarray(torch.randint(0, 256, (90, 130, 3), generator=generator, dtype=torch.uint8).numpy())
    lent, seen = timm.get_pretrained_cfg("vit_tiny_patch16_224.augreg_in21k"), []
    for name in VIEWS:
        model = load_random("vit", name, 64 if "vit" in name else 0)
        transform = transform_of(model, 64, lent)
        normalize = transform.transforms[-1]
        seen.append(transform(picture) * normalize.std[:, None, None] + normalize.mean[:, None, None])
    assert torch.allclose(seen[0], seen[1], atol=1e-5) and torch.allclose(seen[0], seen[2], atol=1e-5)
    assert not torch.allclose(seen[0], transform_of(load_random("cnn", "resnet18"), 64)(picture), atol=0.1)


def test_views_of_other_proportions_cannot_show_the_same_part():
    wide = dataclasses.replace(timm.get_pretrained_cfg("vit_tiny_patch16_224"), input_size=(3, 64, 128))
    model = load_random("cnn", "resnet18")
    with pytest.raises(
        InputError, match="image_size must be above 0, or geometry own: images of 224×224 and of 64×128"
    ):
        transform_of(model, 0, wide)
    assert transform_of(model, 64, wide)(timm_image(80)).shape == (3, 64, 64)


def test_bundled_models_share_one_view_whichever_lends_its_geometry():
    names = ("vit_pocket_patch8_56.shapes", "resnet_pocket.shapes", "mixer_pocket_patch8_56.shapes")
    loaded = [load_random("vit", name) for name in names]
    views = {id(transform_of(one, 0, timm.get_pretrained_cfg(name))) for one in loaded for name in names}
    assert views == {id(transform_of(loaded[0]))}


def test_keys_that_do_not_match_are_named(checkpoint):
    complaint = (
        r"cnn_checkpoint=.* does not fit resnet18.* \(is it of another architecture\?\): "
        r"102 missing: conv1.weight, bn1.weight, bn1.bias, …; 150 unexpected: blocks.0.attn.proj.bias, .*, …$"
    )
    with pytest.raises(InputError, match=complaint):
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
            r"vit='vit_smal_patch16_224' is no model that timm knows; did you mean vit_small_",
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


def save(content, file):
    torch.save(content, file)
    return str(file)


def tiny(seed: int = 1, **kwargs):
    torch.manual_seed(seed)
    return timm.create_model("test_vit", **kwargs)


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin", "w.pth.tar"])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model", "state_dict_ema", "module."])
def test_a_pickle_of_weights_is_loaded_with_its_wrappers(tmp_path, name, wrapper):
    state = tiny().state_dict()
    if wrapper == "module.":
        held = {"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}
    else:
        held = {wrapper: state, "args": argparse.Namespace(lr=1.0)} if wrapper else state
    file = save(held, tmp_path / name)
    check_model("vit", "test_vit.r160_in1k", file)
    loaded = load_model("vit", "test_vit.r160_in1k", file).state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in state.items())


def both(tmp_path, **parts) -> str:
    """A file with several sets of weights."""
    return save({**parts, "epoch": 3}, tmp_path / "w.pth")


def has(model, state) -> bool:
    return all(torch.equal(value, model.state_dict()[key]) for key, value in state.items())


def under(path: str, state: dict) -> dict:
    return {f"{path}.{key}": value for key, value in state.items()}


@pytest.mark.parametrize("names", [("state_dict", "state_dict_ema"), ("model", "model_ema"), ("model", "ema")])
def test_of_plain_and_averaged_weights_the_average_is_taken_and_said_and_either_can_be_chosen(tmp_path, told, names):
    plain, averaged = tiny(1).state_dict(), tiny(2).state_dict()
    file = both(tmp_path, **dict(zip(names, (plain, averaged), strict=True)))
    loaded = load_model("vit", "test_vit.r160_in1k", file)
    assert has(loaded, averaged) and describe(loaded, "test_vit.r160_in1k", file)["part"] == names[1]
    assert f"the averaged weights under {names[1]} are taken; FILE#{names[0]} takes the plain ones" in told.pop()
    chosen = f"{file}#{names[0]}"
    check_model("vit", "test_vit.r160_in1k", chosen)
    loaded = load_model("vit", "test_vit.r160_in1k", chosen)
    assert has(loaded, plain) and not told
    about = describe(loaded, "test_vit.r160_in1k", chosen)
    assert about["part"] == names[0] and about["file"] == "w.pth"
    assert has(load_model("vit", "test_vit.r160_in1k", f"{file}#{names[1]}"), averaged)


def test_of_student_and_teacher_both_are_named_and_neither_is_taken_unasked(tmp_path):
    """As DINO's training leaves them: each behind a prefix, beside a head that is no part of the model."""
    states = [tiny(seed, num_classes=0).state_dict() for seed in (1, 2)]
    head = {f"head.mlp.{i}": torch.ones(4, 4) for i in range(6)}
    student = under("module", under("backbone", states[0]) | head)
    file = both(tmp_path, student=student, teacher=under("backbone", states[1]) | head, optimizer={"state": {}})
    complaint = (
        "several sets of weights that fit test_vit.*: choose w.pth#student.module.backbone or w.pth#teacher.back"
    )
    with pytest.raises(InputError, match=complaint):
        load_model("vit", "test_vit.r160_in1k", file)
    for chosen, state in (("student", states[0]), ("teacher", states[1]), ("student.module.backbone", states[0])):
        check_model("vit", "test_vit.r160_in1k", f"{file}#{chosen}")
        assert has(load_model("vit", "test_vit.r160_in1k", f"{file}#{chosen}"), state)


@pytest.mark.parametrize("path", ["backbone", "encoder", "module.model.backbone", "model.encoder.trunk"])
def test_the_one_part_of_a_larger_model_that_fits_is_found_and_said(tmp_path, told, path):
    state = tiny(num_classes=0).state_dict()
    beside = under("decoder", {f"layers.{i}.weight": torch.ones(4, 4) for i in range(100)})
    save_file(under(path, state) | under(path.rpartition(".")[0] or "neck", beside), tmp_path / "w.safetensors")
    loaded = load_model("vit", "test_vit.r160_in1k", str(tmp_path / "w.safetensors"))
    assert has(loaded, state) and loaded.num_classes == 0
    assert f"the weights under {path} are taken, the only ones in the file that fit" in told[-1]
    assert "state_dict" not in loaded.pretrained_cfg


@pytest.mark.parametrize("path", ["", "state_dict", "module.model"])
def test_weights_that_all_begin_with_one_name_of_the_models_own_fit(tmp_path, told, path):
    """A DenseNet without a head has nothing but features.*, which looks like one more wrapper."""
    state = timm.create_model("densenet121", num_classes=0).state_dict()
    assert {name.partition(".")[0] for name in state} == {"features"}
    save_file(under(path, state) if path else state, tmp_path / "w.safetensors")
    loaded = load_model("cnn", "densenet121", str(tmp_path / "w.safetensors"))
    assert has(loaded, state) and loaded.num_classes == 0 and loaded.pretrained_cfg["part"] == path and not told


def test_a_part_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    file = both(tmp_path, model=tiny().state_dict(), ema=tiny().state_dict())
    with pytest.raises(
        InputError, match="w.pth#teacher': the file holds no weights under 'teacher', but under model, e"
    ):
        check_model("vit", "test_vit.r160_in1k", f"{file}#teacher")
    odd = tmp_path / "run#3.pth"
    save(tiny().state_dict(), odd)
    check_model("vit", "test_vit.r160_in1k", str(odd))
    assert has(load_model("vit", "test_vit.r160_in1k", str(odd)), tiny().state_dict())


def test_a_check_reads_no_weights_of_a_safetensors_file(tmp_path, monkeypatch):
    file = tmp_path / "w.safetensors"
    save_file(under("model", tiny().state_dict()), file)
    monkeypatch.setattr(parts, "load_file", lambda _: pytest.fail("weights were read"))
    check_model("vit", "test_vit.r160_in1k", f"{file}#model")
    with pytest.raises(InputError, match="vit_checkpoint=.*: the file holds no weights under 'ema', but under model"):
        check_model("vit", "test_vit.r160_in1k", f"{file}#ema")


def test_where_no_part_fits_the_nearest_says_why(tmp_path):
    state = tiny().state_dict()
    del state["norm.bias"]
    file = both(tmp_path, model=state, ema=under("deep", {f"{i}.weight": torch.ones(2) for i in range(90)}))
    with pytest.raises(InputError, match="does not fit test_vit.r160_in1k .*: 1 missing: norm.bias$"):
        load_model("vit", "test_vit.r160_in1k", file)


@pytest.fixture
def told(monkeypatch):
    """What is said on the terminal while a model is loaded."""
    said: list[str] = []
    monkeypatch.setattr(parts, "tell", said.append)
    return said


class Trap:
    """Unpickled without care, it leaves a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    for file in (tmp_path / "zip.pth", tmp_path / "plain.pth"):
        held = {"state_dict": tiny().state_dict(), "trap": Trap(tmp_path / "mark")}
        torch.save(held, file, _use_new_zipfile_serialization=file.stem == "zip")
        with pytest.raises(InputError, match=r"vit_checkpoint='.*' holds Python code \(.*open\), which is never run"):
            check_model("vit", "test_vit.r160_in1k", str(file))
    assert not (tmp_path / "mark").exists()


def test_a_pickled_model_is_refused(tmp_path):
    file = save(tiny(), tmp_path / "model.pth")
    with pytest.raises(InputError, match=r"holds Python code \(timm.models.vision_transformer.VisionTransformer\)"):
        check_model("vit", "test_vit.r160_in1k", file)


def test_refuses_a_pickle_that_is_damaged_or_holds_no_weights(tmp_path):
    whole = Path(save(tiny().state_dict(), tmp_path / "w.pth")).read_bytes()
    plain = pickle.dumps({"a": Trap(tmp_path / "mark")})
    for content in (b"", b"hello world", whole[:1000], whole[: len(whole) // 2], plain):
        (tmp_path / "w.pth").write_bytes(content)
        with pytest.raises(InputError, match="vit_checkpoint='.*w.pth' is (truncated or no file|damaged, or a pickle)"):
            check_model("vit", "test_vit.r160_in1k", str(tmp_path / "w.pth"))
    for held in (torch.zeros(3), [1, 2], {1: torch.zeros(2)}):
        with pytest.raises(InputError, match="holds no weights by name"):
            check_model("vit", "test_vit.r160_in1k", save(held, tmp_path / "w.pth"))
    with pytest.raises(InputError, match="vit_checkpoint='.*w.pth' holds no weights by name"):
        check_model("vit", "test_vit.r160_in1k", save({"state_dict": {}}, tmp_path / "w.pth"))
    assert not (tmp_path / "mark").exists()


def test_a_file_without_weights_is_refused(tmp_path):
    save_file({}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="vit_checkpoint='.*' holds no weights"):
        check_model("vit", "test_vit.r160_in1k", str(tmp_path / "w.safetensors"))


def test_shapes_that_do_not_match_are_named_with_both(tmp_path):
    state = tiny().state_dict()
    state["norm.weight"], state["norm.extra"] = torch.ones(3), state.pop("norm.bias")
    complaint = (
        r"does not fit test_vit.r160_in1k \(is .*\?\): 1 missing: norm.bias; 1 unexpected: norm.extra; "
        r"1 of another shape: norm.weight \(3,\) instead of \(64,\)$"
    )
    with pytest.raises(InputError, match=complaint):
        load_model("vit", "test_vit.r160_in1k", save(state, tmp_path / "w.pth"))


def test_weights_that_cannot_be_resampled_are_refused_with_the_size(tmp_path):
    torch.manual_seed(0)
    file = save(timm.create_model("mixer_s32_224").state_dict(), tmp_path / "w.pth")
    complaint = (
        r"mixer_checkpoint=.* does not fit mixer_s32_224 at image_size=64 .*mlp_tokens.fc1.weight \(256, 49\) inst"
    )
    with pytest.raises(InputError, match=complaint):
        load_model("mixer", "mixer_s32_224", file, image_size=64)


def test_position_embeddings_are_resampled_as_timm_does(tmp_path):
    saved = tiny()
    loaded = load_model("vit", "test_vit.r160_in1k", save(saved.state_dict(), tmp_path / "w.pth"), image_size=64)
    expected = resample_abs_pos_embed(saved.pos_embed, [4, 4], num_prefix_tokens=1)
    torch.testing.assert_close(loaded.pos_embed, expected, rtol=0, atol=0)


@pytest.mark.parametrize("classes", [0, 7, 1000])
@pytest.mark.parametrize("name", ["test_vit.r160_in1k", "test_convnext.r160_in1k"])
def test_the_head_is_that_of_the_file(tmp_path, capsys, monkeypatch, name, classes):
    """A head of another number of classes, or none, is no reason to refuse; nor is it made up."""
    monkeypatch.setenv("SEELIKE_PROGRESS", str(tmp_path / "terminal"))
    (tmp_path / "terminal").touch()
    torch.manual_seed(1)
    saved = timm.create_model(name.partition(".")[0], num_classes=classes)
    file = save(saved.state_dict(), tmp_path / "w.pth")
    loaded = load_model("cnn", name, file)
    assert loaded.num_classes == describe(loaded, name, file)["classes"] == classes
    assert loaded.state_dict().keys() == saved.state_dict().keys()
    images = torch.rand(2, 3, 160, 160)
    torch.testing.assert_close(loaded(images), saved.eval()(images))
    said = (tmp_path / "terminal").read_text()
    assert (f"the file's head tells {classes} classes apart, not 1000" in said) == (classes != 1000)


def test_a_head_where_the_name_has_none_is_kept(tmp_path):
    torch.manual_seed(1)
    saved = timm.create_model("vit_tiny_patch16_224", num_classes=5)
    card = timm.get_pretrained_cfg("vit_tiny_patch16_224")
    fit = {"head.weight", "head.bias"}
    misfit = Misfit(unexpected=sorted(fit))
    overlay = {"file": save(saved.state_dict(), tmp_path / "w.pth")}
    assert _count_classes(misfit, card, overlay) == 5


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(tmp_path, bad):
    state = tiny().state_dict()
    state["blocks.2.mlp.fc1.bias"][3] = bad
    complaint = r"vit_checkpoint='.*' holds NaN or infinite numbers, in 1 of \d+ weights: blocks.2.mlp.fc1.bias$"
    with pytest.raises(InputError, match=complaint):
        load_model("vit", "test_vit.r160_in1k", save(state, tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("name", "size", "near"),
    [
        ("test_vit", 63, "patches of 16 pixels: use 48 or 64"),
        ("test_vit", 5, "patches of 16 pixels: use 16"),
        ("vit_small_patch14_dinov2", 71, "patches of 14 pixels: use 70 or 84"),
        ("mixer_s32_224", 65, "patches of 32 pixels: use 64 or 96"),
    ],
)
def test_a_size_that_patches_do_not_fill_is_refused_with_the_nearest(name, size, near):
    """timm would leave the last rows and columns of the image out, and say nothing."""
    with pytest.raises(
        InputError, match=f"image_size={size} does not suit gap='{name}', which cuts images into {near}"
    ):
        load_random("gap", name, image_size=size)


def test_a_cnn_takes_any_size():
    assert load_random("cnn", "test_resnet", image_size=63)


def test_models_of_other_images_than_rgb_are_refused(monkeypatch):
    grey = dataclasses.replace(timm.get_pretrained_cfg("test_vit.r160_in1k"), input_size=(1, 160, 160))
    monkeypatch.setattr("timm.get_pretrained_cfg", lambda name: grey)
    with pytest.raises(InputError, match="vit='test_vit' takes images of 1 channels, not RGB"):
        load_random("vit", "test_vit")


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
    with pytest.raises(InputError, match="cnn='resnet18.a1_in1k' cannot be had: .*HF_HUB_OFFLINE forbids"):
        load_model("cnn", "resnet18.a1_in1k")


def test_real_weights_load_at_another_size(shared):
    file = shared / "weights" / "vit_small_patch14_saliency.safetensors"
    model = load_model("vit", "vit_small_patch14_dinov2", str(file), image_size=224)
    assert model.pos_embed.shape[1] == 16 * 16 + 1
    assert torch.isfinite(model(torch.zeros(1, 3, 224, 224))).all()


def test_a_card_of_lists_gives_the_transform_of_one_of_tuples():
    model = timm.create_model("resnet_pocket.shapes")
    same = transform_of(model)
    model.pretrained_cfg |= {key: list(model.pretrained_cfg[key]) for key in ("mean", "std", "input_size")}
    assert transform_of(model) is same


def test_a_bundled_model_that_is_still_to_be_trained_is_refused_before_anything_is_loaded(monkeypatch):
    name = "vit_pocket_patch8_56.shapes"
    monkeypatch.setattr("seelike.models.bundled.read_manifest", dict)
    with pytest.raises(InputError, match=f"{name} is not trained yet"):
        check_model("vit", name)
