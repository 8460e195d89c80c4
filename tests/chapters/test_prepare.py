"""A page hands its variables to `prepare_page`: the chapter's parameters are taken, all else is left."""

import pytest

from seelike.chapters import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.system.errors import InputError

CHAPTER = CHAPTERS["localization"]
VARIABLES = read_parameters(find_chapter("localization"))


def test_of_all_variables_the_chapters_parameters_are_taken(monkeypatch):
    monkeypatch.setattr(prepare, "prepare", lambda chapter, **parameters: (chapter, parameters))
    others = {"missing": "text", "np": object(), "_": 1, "layers": "all"}
    assert prepare.prepare_page(CHAPTER, VARIABLES | others) == (CHAPTER, VARIABLES)


def test_a_variable_that_is_missing_is_named():
    with pytest.raises(InputError, match="n_attributed"):
        prepare.prepare_page(CHAPTER, {name: value for name, value in VARIABLES.items() if name != "n_attributed"})


def test_a_parameter_is_named_once():
    assert all(len(set(each.parameters)) == len(each.parameters) for each in CHAPTERS.values())
