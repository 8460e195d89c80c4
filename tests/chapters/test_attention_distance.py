"""The chapter's measures together, on small models."""

import pytest
import timm
import torch

from seelike.chapters import attention_distance as local_and_global
from seelike.chapters.prepare import open_run, prepare
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.runner import assemble
from seelike.system.errors import InputError
from seelike.system.progress import VARIABLE


def parameters(**changed) -> dict:
    defaults = read_parameters(find_chapter("attention_distance"))
    small = {"n_images": 24, "batch_size": 4, "n_field_images": 20}
    return {name: value for name, value in (defaults | small | changed).items() if name != "results_dir"}


def test_gives_every_claim_with_its_arrays(tmp_path):
    run = prepare(local_and_global.CHAPTER, str(tmp_path), **parameters())
    found = next(local_and_global.measure_runs([next(run.load_models())], run, 20))
    estimates = found.estimates(0)
    assert sorted(estimates) == ["A1", "A2", "A3", "A4", "A5"]
    assert all(estimate.low <= estimate.effect <= estimate.high for estimate in estimates.values())
    assert len(found.fields["vit"].sums) == len(found.fields["cnn"].sums) == 5  # minibatches of 4, a team each
    control = next(local_and_global.measure_runs([next(run.load_controls())], run, 20))
    assert control.estimates(0)["A2"].effect == 0  # the two start from the same state
    arrays = found.arrays()
    assert run.record([found], [control]).save(tmp_path).is_file()
    assert set(arrays["attention_distance"]) == {"vit", "vit_low_data"}
    blocks = [layer for layer in arrays["own_share"]["vit"].axes["layer"] if layer.count(".") == 1]
    assert len(blocks) == len(timm.create_model("vit_pocket_patch8_56").blocks)


def test_without_a_model_of_little_data_a2_is_left_out(tmp_path):
    run = prepare(local_and_global.CHAPTER, str(tmp_path), **parameters(vit_low_data=""))
    models = next(run.load_models())
    assert list(models) == ["vit", "cnn"]
    assert "A2" not in next(local_and_global.measure_runs([models], run, 4)).estimates(0)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_field_images": 0}, "n_field_images must be 1 or more, not 0"),
        ({"n_field_images": 25}, "n_field_images must be at most 24, the n_images in full minibatches, not 25"),
        ({"vit_low_data": "vit_nonsense"}, "vit_low_data='vit_nonsense' is no model"),
        ({"vit_low_data_checkpoint": "gone.safetensors"}, "vit_low_data_checkpoint='gone.safetensors' is not a file"),
    ],
)
def test_refuses(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        prepare(local_and_global.CHAPTER, str(tmp_path), **parameters(**changed))


def test_a_cnn_as_vit_is_refused_by_its_parameter(tmp_path):
    with pytest.raises(InputError, match="^vit must be a ViT"):
        prepare(local_and_global.CHAPTER, str(tmp_path), **parameters(vit="resnet_pocket.shapes", vit_low_data=""))


def test_models_of_two_sizes_are_shown_the_same_teams(tmp_path, monkeypatch):
    run = prepare(local_and_global.CHAPTER, str(tmp_path), **parameters(vit_low_data=""))
    models, sizes, shown = next(run.load_models()), {"vit": 56, "cnn": 64}, {}

    def show(roles, *_):
        yield {role: torch.zeros(24, 3, sizes[role], sizes[role]) for role in roles}

    def note(model, images, *_):
        shown[model] = [len(part) for part in images]

    monkeypatch.setattr(local_and_global, "FIELD_PIXELS", 56**2)  # of the smaller images more would fit
    monkeypatch.setattr(run, "load_images", show)
    monkeypatch.setattr(local_and_global.receptive_field, "estimate_fields", note)
    (cast,), _ = assemble([models], show(models))
    local_and_global._differentiate(cast, run, 24)
    assert shown[models["vit"]] == shown[models["cnn"]] and len(shown[models["vit"]]) > 1


def test_receptive_fields_read_the_first_images_and_no_more(tmp_path, monkeypatch):
    run = open_run(local_and_global.CHAPTER, str(tmp_path), **parameters(vit_low_data=""))
    vit, terminal = {"vit": run.load_first_random()["vit"]}, tmp_path / "terminal"
    terminal.touch()
    monkeypatch.setenv(VARIABLE, str(terminal))
    parts = list(local_and_global._first(run, vit, "vit", 10, 3))
    assert [len(part) for part in parts] == [2, 2, 2, 2, 2]  # of minibatches of 4, 4 and 2
    shown = terminal.read_text()
    assert "receptive fields of vit: 100%" in shown and "10/10" in shown
    assert torch.equal(torch.cat(parts), torch.cat([batch["vit"] for batch in run.minibatches(vit)])[:10])
