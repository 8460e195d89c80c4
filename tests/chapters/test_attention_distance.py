"""The chapter's measures together, on small models."""

import numpy as np
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


def make_pair(seed: int) -> dict[str, torch.nn.Module]:
    torch.manual_seed(seed)
    vit = dict(img_size=8, patch_size=2, embed_dim=8, depth=3, num_heads=2)
    return {
        "vit": timm.create_model("vit_tiny_patch16_224", **vit).eval(),
        "cnn": timm.create_model("resnet10t", channels=(4, 4, 4, 4), stem_width=4).eval(),
    }


class Drawn:
    """A run of ten minibatches of four random images, 8 × 8."""

    def __init__(self):
        self.parameters = {"seed": 0}
        self.images = torch.cat(
            [torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(i)) for i in range(10)]
        )

    def minibatches(self, roles):
        return self.load_images(roles, self.images)

    def load_images(self, roles, images):
        return [dict.fromkeys(roles, each) for each in torch.stack([*images]).split(4)]


def test_every_part_has_the_terms_of_its_models():
    first, second, low_data = make_pair(0), make_pair(1), make_pair(2)["vit"]
    runs = [models | {"vit_low_data": low_data} for models in (first, second)]
    measured = list(local_and_global.measure_runs(runs, Drawn(), 40))
    terms = [found.terms() for found in measured]
    vit, cnn, both, little = ("vit",), ("cnn",), [("cnn",), ("vit",)], ("vit_low_data",)
    assert {part: sorted(own) for part, own in terms[0].items()} == {
        "A1a": [vit], "A1b": [vit], "A1c": [vit], "A2a": [vit, little], "A2b": [little], "A3": both,
        "A4a": both, "A4b": [cnn], "A4c": [vit], "A5a": [vit], "A5b": [vit],
    }  # fmt: skip
    assert all(np.isfinite(each).all() for own in terms[1].values() for each in own.values())
    np.testing.assert_array_equal(terms[0]["A2b"][little], terms[1]["A2b"][little])
    assert len(terms[0]["A1a"][vit]) == 11 and terms[0]["A1a"][vit][0] != terms[1]["A1a"][vit][0]
    assert len(terms[0]["A4a"][vit]) == len(terms[0]["A4a"][cnn])
    alone = next(local_and_global.measure_runs([first], Drawn(), 40))
    assert sorted({part[:2] for part in alone.terms()}) == ["A1", "A3", "A4", "A5"]
    np.testing.assert_allclose(alone.terms()["A1a"][vit], terms[0]["A1a"][vit])


def test_each_model_is_passed_through_once_whatever_runs_share_it(monkeypatch):
    first, second, seen = make_pair(0), make_pair(1), []
    shared = {"vit": first["vit"], "cnn": second["cnn"]}
    for model in (*first.values(), second["cnn"]):
        model.register_forward_pre_hook(lambda module, _: seen.append(module))
    monkeypatch.setattr(local_and_global, "_differentiate", lambda *_: ({}, None))
    assert [found.pair for found in local_and_global.measure_runs([first, shared], Drawn(), 40)] == [
        ("vit", "cnn"), ("vit", "cnn_run2")
    ]  # fmt: skip
    assert [seen.count(model) for model in (*first.values(), second["cnn"])] == [11] * 3  # one of them to look around


def test_arrays_are_those_of_a_result(tmp_path):
    run = prepare(local_and_global.CHAPTER, str(tmp_path), **parameters(n_images=8, n_field_images=8, n_seeds=1))
    found = next(local_and_global.measure_runs([next(run.load_models())], run, 8))
    arrays = found.arrays()
    assert run.record([found], [found]).save(tmp_path).is_file()
    assert set(arrays["attention_distance"]) == {"vit", "vit_low_data"}
    layers = arrays["own_share"]["vit"].axes["layer"]
    n_blocks = len(timm.create_model("vit_pocket_patch8_56").blocks)
    assert sum(name.count(".") == 1 for name in layers) == n_blocks
    assert sum(name.endswith(".mlp") for name in layers) == n_blocks


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
