"""What a model is called, from its provenance alone."""

from seelike.results.model_names import list_roles, model_names
from seelike.results.results import Result


def test_roles_that_a_result_has_are_named():
    models = {"vit": {"name": "mine", "origin": "file"}, "vit_random": {"name": "resnet50", "origin": "random"}}
    result = Result("uniformity", "mine", {"vit": "resnet50", "cnn": "", "seed": 0}, {"models": models})
    assert model_names(result) == {"vit": "mine"}


def test_every_model_of_a_list_is_a_role_in_its_order():
    models = {role: {"name": "x"} for role in ("a=random", "b.c", "vit", "b.c_random", "vit_run2")}
    parameters = {"systems": "b.c a=random gone", "vit": "v", "seed": 0}
    assert list_roles(Result("hybrids", "mine", parameters, {"models": models})) == ["b.c", "a=random", "vit"]
