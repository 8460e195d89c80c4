"""Older result files: read where their names can be trusted, refused where a file's weights bore another's name."""

import json

import pytest

from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS


def make_old(parameters: dict | None = None) -> dict:
    """A published result as it was written before files bore a number."""
    plain = json.loads((RESULTS / "pocket" / "uniformity.json").read_text())
    plain.pop("format", None)
    for model in plain["provenance"]["models"].values():
        for key in ("origin", "capability"):
            model.pop(key, None)
    plain["parameters"] |= parameters or {}
    return plain


def load(plain: dict, folder) -> Result:
    (folder / "old.json").write_text(json.dumps(plain))
    return Result.load(folder / "old.json")


def test_bundled_models_keep_their_names(tmp_path):
    models = load(make_old(), tmp_path).provenance["models"]
    origins = {role: model["origin"] for role, model in models.items()}
    assert origins["vit"] == origins["cnn_run2"] == "bundled" and origins["vit_random"] == "random"


def test_a_model_of_the_hub_is_not_taken_for_a_bundled_one(tmp_path):
    old = make_old()
    old["provenance"]["models"]["cnn"] |= {"name": "resnet18.a1_in1k", "file": "model.safetensors"}
    assert load(old, tmp_path).provenance["models"]["cnn"]["origin"] == "hub"


def test_weights_from_a_file_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"old\.json .*vit_checkpoint.*measure it anew"):
        load(make_old({"vit_checkpoint": "w.safetensors"}), tmp_path)


def test_another_number_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"damaged at \$.format"):
        load({"format": 1, **make_old()}, tmp_path)
