"""What a model is called, from its provenance alone."""

import pytest

from seelike.results.model_names import model_names, name_model
from seelike.results.results import Result

FILE = {"name": "resnet50", "origin": "file", "file": "w.safetensors"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"name": "resnet50.a1_in1k", "origin": "hub"}, "resnet50.a1_in1k"),
        ({"name": "resnet_pocket.shapes", "origin": "bundled"}, "resnet_pocket.shapes"),
        (FILE, "resnet50 with weights from w.safetensors"),
        (FILE | {"label": "ResNet-50 of mine"}, "ResNet-50 of mine"),
    ],
)
def test_a_name_says_no_more_than_is_known(model, name):
    assert name_model(model) == name


def test_roles_that_a_result_has_are_named():
    models = {"vit": FILE | {"label": "mine"}, "vit_random": FILE}
    result = Result("uniformity", "mine", {"vit": "resnet50", "cnn": "", "seed": 0}, {"models": models})
    assert model_names(result) == {"vit": "mine"}
