"""What a model is called, from its provenance alone."""

from seelike.results.model_names import model_names
from seelike.results.results import Result


def test_roles_that_a_result_has_are_named():
    models = {"vit": {"name": "mine", "origin": "file"}, "vit_random": {"name": "resnet50", "origin": "random"}}
    result = Result("uniformity", "mine", {"vit": "resnet50", "cnn": "", "seed": 0}, {"models": models})
    assert model_names(result) == {"vit": "mine"}
