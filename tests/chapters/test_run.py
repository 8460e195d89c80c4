"""Parameters are checked before any work, each refusal in one sentence that names the parameter."""

import math
from dataclasses import replace
from shutil import copyfile

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from seelike.chapters import run as chapter_run
from seelike.chapters.parameters import check_parameters
from seelike.chapters.prepare import open_run
from seelike.chapters.rehearsal import DRY_RUN
from seelike.chapters.uniformity import CHAPTER
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.intervals import jackknife
from seelike.models import bundled
from seelike.models.loading import load_random
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.tables import verdicts as tables


def parameters(**changed) -> dict:
    """The chapter's own defaults without the smaller ViT and other trainings, some of them changed."""
    defaults = read_parameters(find_chapter("uniformity")) | {"vit_small": "", "n_seeds": 1} | changed
    return {name: value for name, value in defaults.items() if name != "results_dir"}


class Found:
    """What a chapter found, by hand: U1 in eight minibatches that lie about an effect."""

    def __init__(self, effect: float, half_range: float = 0.1):
        self.effect, values = effect, effect + half_range * np.linspace(-1, 1, 8)
        self.replicates = jackknife(8, lambda chosen: values[chosen].mean())

    def arrays(self) -> dict:
        return {"cka": {"vit": LabelledArray({"layer": ["a"]}, [self.effect])}}

    def terms(self) -> dict:
        return {"U1": {("vit",): self.replicates}}


UNKNOWN = Found(math.nan)


def test_the_chapters_defaults_are_sound():
    check_parameters(parameters())


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_images": 2}, "n_images must be 4 or more, not 2"),
        ({"n_images": -1}, "n_images must be 4 or more, not -1"),
        ({"n_images": 2.5}, "n_images must be a whole number, not 2.5"),
        ({"n_images": True}, "n_images must be a whole number, not True"),
        ({"n_images": "512"}, "n_images must be a whole number, not '512'"),
        ({"batch_size": 0}, "batch_size must be 4 or more, not 0"),
        ({"batch_size": 3}, "batch_size must be 4 or more, not 3"),
        ({"n_images": 32, "batch_size": 64}, "batch_size must be at most n_images, 32, not 64"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"image_size": -56}, "image_size must be 0 or more"),
        ({"image_size": 5000}, "image_size must be at most 4096, not 5000"),
        ({"geometry": "cnns"}, "geometry must be one of vit, cnn, own, not 'cnns'"),
        ({"geometry": "vit_small"}, "geometry must be one of vit, cnn, own, not 'vit_small'"),
        ({"geometry": 1}, "geometry must be text, not 1"),
        ({"layers": "some"}, "layers must be one of blocks, all, not 'some'"),
        ({"profile": "../up"}, "profile must be a plain name"),
        ({"profile": ""}, "profile must be a plain name"),
        ({"vit": None}, "vit must be text, not None"),
        ({"vit": "vit_nonsense"}, "vit='vit_nonsense' is no model"),
        ({"cnn": "resnet_nonsense"}, "cnn='resnet_nonsense' is no model"),
        ({"vit_checkpoint": "gone.safetensors"}, "vit_checkpoint='gone.safetensors' is not a file"),
        ({"dataset": "folder", "data_dir": "gone"}, "data_dir='gone' is not there"),
        ({"split": "dev"}, "split must be one of"),
        ({"n_seeds": 0}, "n_seeds must be 1 or more, not 0"),
        ({"n_images": 10**6}, "n_images must be at most 10000"),
        ({"device": "quantum"}, "device must be auto, cpu or a device that torch can use"),
        ({"device": "meta"}, "device must be auto, cpu or a device that torch can use"),
        ({"seed": 2**70}, "seed must be below"),
    ],
)
def test_refuses(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint) as refusal:
        open_run(CHAPTER, str(tmp_path), **parameters(**changed))
    assert "\n" not in str(refusal.value)


def test_a_record_says_what_was_left_over_and_keeps_no_folder_of_this_machine(pictures):
    changed = {"dataset": "folder", "data_dir": str(pictures), "n_images": 11, "batch_size": 4, "profile": "mine"}
    run = open_run(CHAPTER, "results", **parameters(**changed))
    assert str(run) == (
        "8 images in 2 minibatches of 4; 3 left over and not used; all models see the crop that vit has"
    )
    run.has_resnet = True
    result = run.record([Found(0.5)], [Found(-0.5)])
    assert result.profile == "mine"
    assert result.parameters["data_dir"] == "pictures"
    assert result.provenance["dataset"]["images"] == 8
    assert result.provenance["dataset"]["left_over"] == 3
    assert result.claims["U1"]["verdict"] == "holds"
    assert result.claims["U1"]["control_verdict"] == "reversed"
    assert result.provenance["peak_mib"] > 0


def test_a_name_that_timm_has_changed_is_followed_and_said(monkeypatch):
    monkeypatch.setattr("seelike.chapters.prepare.check_weights", lambda *_: None)
    changed = {"vit": "vit_base_patch16_224_in21k", "vit_small": "", "n_images": 4, "batch_size": 4}
    run = open_run(CHAPTER, "results", **parameters(**changed))
    assert run.parameters["vit"] == "vit_base_patch16_224.augreg_in21k"
    assert "; timm calls vit_base_patch16_224_in21k vit_base_patch16_224.augreg_in21k today" in str(run)


@pytest.mark.parametrize(("geometry", "shares"), [("vit", [0.9, 0.9]), ("cnn", [0.95, 0.95]), ("own", [0.9, 0.95])])
def test_two_models_see_the_part_of_a_picture_that_geometry_says(pictures, geometry, shares):
    """White pictures with a black frame of 1/25 a side: a crop of 0.9 leaves it out, one of 0.95 does not."""
    for file in pictures.rglob("*.png"):
        framed = Image.new("RGB", (200, 200))
        framed.paste((255, 255, 255 - int(file.stem)), (8, 8, 192, 192))
        framed.save(file)
    own = {"vit": "vit_tiny_patch16_224.augreg_in21k", "cnn": "test_resnet.r160_in1k", "vit_small": "", "n_images": 4}
    own |= {"dataset": "folder", "data_dir": str(pictures), "batch_size": 4, "geometry": geometry, "profile": "mine"}
    checkpoints = {f"{role}_checkpoint": save_random(pictures.parent, role, own[role]) for role in ("vit", "cnn")}
    run = open_run(CHAPTER, "results", **parameters(**own | checkpoints))
    (seen,) = run.minibatches(run.load_first_random())
    assert [tuple(seen[role].shape[2:]) for role in ("vit", "cnn")] == [(224, 224), (160, 160)]
    for role, share in zip(("vit", "cnn"), shares, strict=True):
        frame = seen[role][:, 0, 80, 0]  # -1 is black, 1 white
        assert (frame > 0.5).all() if share == 0.9 else (frame < -0.5).all()
    said = "each model has its own crop" if geometry == "own" else f"all models see the crop that {geometry} has"
    assert said in str(run)


def save_random(folder, role: str, name: str) -> str:
    save_file(timm.create_model(name).state_dict(), folder / f"{role}.safetensors")
    return str(folder / f"{role}.safetensors")


def test_what_was_used_is_what_is_recorded():
    """No more than a chapter takes, in full minibatches; their hash is that of a run that asks for no more."""
    few = replace(CHAPTER, most_images=16)
    asked = parameters(n_images=23, batch_size=4, vit_small="", profile="mine")
    run = open_run(few, "results", **asked)
    assert str(run).startswith("16 images in 4 minibatches of 4; 7 left over and not used; ")
    dataset = run.record([Found(0.5)], [Found(0.5)]).provenance["dataset"]
    exact = open_run(CHAPTER, "results", **asked | {"n_images": 16})
    assert (dataset["images"], dataset["left_over"], dataset["sha256"]) == (16, 7, exact.images.sha256)
    loaded = run.load_first_random()
    assert sum(len(seen["vit"]) for seen in run.minibatches(loaded)) == 16
    large = open_run(few, "results", **asked | {"batch_size": 23})
    assert [len(seen["vit"]) for seen in large.minibatches(loaded)] == [16]


def test_images_of_a_figure_are_among_those_used():
    with pytest.raises(InputError, match="n_field_images must be at most 8, the n_images in full minibatches, not 9"):
        check_parameters(parameters(n_images=11, batch_size=4) | {"n_field_images": 9})


def test_what_was_passed_over_by_name_or_as_a_copy_is_said_and_recorded(pictures, tmp_path):
    (pictures / ".ipynb_checkpoints").mkdir()
    for file in (pictures / "class0").iterdir():
        copyfile(file, pictures / "class1" / f"{file.stem}_again.png")
        copyfile(file, pictures / ".ipynb_checkpoints" / file.name)
    own = {"dataset": "folder", "data_dir": str(pictures), "n_images": 12, "batch_size": 4, "profile": "mine"}
    run = open_run(CHAPTER, "results", **parameters(**own))
    assert str(run).endswith("; 6 hidden pictures were passed over: .ipynb_checkpoints")
    assert "pixel for pixel and were passed over: class" in str(run)
    saved = run.record([Found(0.5)], [Found(-0.5)]).save(tmp_path / "results")
    dataset = Result.load(saved).provenance["dataset"]
    assert dataset["hidden"] == [{"place": ".ipynb_checkpoints", "pictures": 6}] and dataset["images"] == 12
    assert len({name for each in dataset["copies"] for name in each.values()}) == 2 * len(dataset["copies"]) > 0


def test_pictures_passed_over_are_said_and_recorded(pictures, tmp_path):
    (pictures / "class0" / "bad.jpg").write_bytes(b"")
    own = {"dataset": "folder", "data_dir": str(pictures), "n_images": 12, "batch_size": 4, "profile": "mine"}
    run = open_run(CHAPTER, "results", **parameters(**own))
    assert str(run).endswith("vit has; 1 picture could not be read and was passed over: class0/bad.jpg (empty file)")
    saved = run.record([Found(0.5)], [Found(-0.5)]).save(tmp_path / "results")
    dataset = Result.load(saved).provenance["dataset"]
    assert dataset["skipped"] == [{"file": "class0/bad.jpg", "reason": "empty file"}]


def test_what_is_not_defined_is_none_as_in_a_result_file():
    run = open_run(CHAPTER, "results", **parameters(n_images=8, batch_size=4))
    run.has_resnet = True
    result = run.record([UNKNOWN], [Found(0.5)])
    part = result.claims["U1"]["parts"]["U1"]
    assert (part["effect"], part["interval"], part["verdict"]) == (None, [None, None], "inconclusive")
    assert (part["control"], part["training"], part["p"]) == (pytest.approx(0.5), None, None)
    assert "nan" not in tables.verdicts({"mine": result})


@pytest.mark.parametrize("results_dir", ["file/results", "file", "", 3])
def test_a_place_that_cannot_hold_results_is_refused_at_once(results_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="results_dir must be"):
        open_run(CHAPTER, results_dir, **parameters())


def test_models_and_controls_are_described_by_their_hashes():
    run = open_run(CHAPTER, "results", **parameters(n_images=8, batch_size=4))
    models, controls = next(run.load_models()), next(run.load_controls())
    assert set(models) == set(controls) == {"vit", "cnn"}
    assert set(run.described) == {"vit", "cnn", "vit_random", "cnn_random"}
    assert len({entry["state_sha256"] for entry in run.described.values()}) == 4
    (batch,) = [b for i, b in enumerate(run.minibatches(models)) if i == 0]
    assert batch["vit"].shape == batch["cnn"].shape == (4, 3, 56, 56)


def test_runs_exchange_the_bundled_models_for_their_twins_of_other_seeds():
    changed = {"n_images": 8, "batch_size": 4, "n_seeds": 2}
    run = open_run(CHAPTER, "results", **parameters(vit_small="vit_pocket_patch8_56.shapes_10pct", **changed))
    first, second = run.load_models()
    assert not torch.equal(first["vit"].head.weight, second["vit"].head.weight)
    assert torch.equal(first["vit_small"].head.weight, second["vit_small"].head.weight)  # it has no twin
    assert run.described["vit_run2"]["name"] == "vit_pocket_patch8_56.shapes_seed1"
    untrained = [models["vit"].head.weight for models in run.load_controls()]
    assert not torch.equal(*untrained)


@pytest.mark.parametrize("own", ["vit", "cnn"])
def test_a_run_with_a_model_of_ones_own_is_one(own, monkeypatch):
    """Its twins are not known, and to pass it through again beside each twin of the other would tell nothing new."""
    monkeypatch.setattr("seelike.chapters.prepare.check_weights", lambda *_: None)
    changed = {"n_images": 8, "batch_size": 4, "n_seeds": 3, own: "resnet18.a1_in1k"}
    assert open_run(CHAPTER, "results", **parameters(**changed)).n_seeds == 1
    assert open_run(CHAPTER, "results", **parameters(n_seeds=3)).n_seeds == 3


def test_weights_that_cannot_be_had_are_refused_before_any_picture_is_read_but_not_in_a_dry_run(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("seelike.chapters.prepare.check_weights", lambda *role: asked.append(role))
    open_run(CHAPTER, "results", **parameters(vit="resnet18.a1_in1k", cnn_checkpoint=zoo_file()))
    assert asked == [("vit", "resnet18.a1_in1k")]
    monkeypatch.setenv(DRY_RUN, str(tmp_path / "said.json"))
    open_run(CHAPTER, "results", **parameters(vit="resnet18.a1_in1k"))
    assert len(asked) == 1


def zoo_file() -> str:
    return str(bundled.WEIGHTS / "resnet_pocket.shapes.safetensors")


def test_a_record_averages_the_runs_and_shows_the_first():
    run = open_run(CHAPTER, "results", **parameters(n_images=8, batch_size=4, n_seeds=2))
    result = run.record([Found(0.4, 0), Found(0.6, 0)], [UNKNOWN] * 2)
    claim, part = result.claims["U1"], result.claims["U1"]["parts"]["U1"]
    assert claim["trainings"] == {"vit": 2} and claim["covers"] == "images and trainings"
    assert part["effect"] == pytest.approx(0.5)
    assert part["interval"][0] < 0 < 1 < part["interval"][1]  # two trainings tell little
    assert set(result.measures) == {"cka", "cka_random"}
    assert result.measures["cka"]["vit"].values == [0.4]


def test_models_from_a_file_or_of_an_early_state_have_one_run():
    changed = {"n_images": 8, "batch_size": 4, "n_seeds": 3}
    file = bundled.WEIGHTS / "vit_pocket_patch8_56.shapes.safetensors"
    run = open_run(
        CHAPTER, "results", **parameters(vit_checkpoint=str(file), **changed, cnn="mixer_pocket_patch8_56.shapes")
    )
    assert len(list(run.load_models())) == 1


def test_an_optional_model_may_be_left_out_and_a_required_one_may_not():
    small = parameters(n_images=8, batch_size=4)
    assert open_run(CHAPTER, "results", **small).models == ("vit", "cnn")
    with pytest.raises(InputError, match="vit_small='' is no model"):
        open_run(replace(CHAPTER, required=("vit", "cnn", "vit_small")), "results", **small)


@pytest.mark.parametrize(("room", "times"), [(2**24, 1), (0, 2)])
def test_small_random_models_are_built_once(monkeypatch, room, times):
    built = []
    monkeypatch.setattr(chapter_run, "MOST_KEPT", room)
    monkeypatch.setattr(
        chapter_run.models, "load_random", lambda role, *where: built.append(role) or load_random(role, *where)
    )
    run = open_run(CHAPTER, "results", **parameters(n_images=8, batch_size=4, n_seeds=1))
    rehearsed, control = run.load_first_random(), next(run.load_controls())
    assert built == ["vit", "cnn"] * times
    for role, model in control.items():
        for one, same in zip(model.parameters(), rehearsed[role].parameters(), strict=True):
            assert torch.equal(one, same)


def test_models_that_start_alike_are_one_module_untrained_and_two_trained():
    chapter = replace(CHAPTER, optional=("vit_small",))
    changed = {"vit_small": "vit_pocket_patch8_56.shapes_3pct", "n_images": 8, "batch_size": 4}
    run = open_run(chapter, "results", **parameters(**changed))
    trained, control = next(run.load_models()), next(run.load_controls())
    assert control["vit"] is control["vit_small"] and trained["vit"] is not trained["vit_small"]
    assert run.described["vit_small_random"]["name"] == changed["vit_small"]
    another = open_run(
        chapter, "results", **parameters(**changed | {"vit_small": "vit_pocket_noskip1_patch8_56.shapes"})
    )
    control = next(another.load_controls())
    assert control["vit"] is not control["vit_small"]  # the same weights in another design
