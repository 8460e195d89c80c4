"""The commands at the end of every chapter, as readers copy them: they parse, and name models with public weights."""

import re
import shlex

import nbformat
import pytest
import timm

from seelike.execution.notebook import convert, find_chapter, read_parameters
from seelike.system.paths import BOOK

CHAPTERS = [path.stem for path in sorted(BOOK.glob("*.ipynb")) if "vit" in read_parameters(path)]


def read_commands(chapter: str) -> list[dict[str, str]]:
    """The settings of each command in the section that ends a chapter."""
    section = nbformat.read(find_chapter(chapter), as_version=4).cells[-1].source
    assert section.startswith("## Rerun it\n")
    commands = []
    for block in re.findall(r"```\n(.*?)```", section, re.S):
        seelike, run, name, *words = shlex.split(block.replace("\\\n", " "))
        assert (seelike, run, name) == ("seelike", "run", chapter) and set(words[::2]) == {"-p"}
        commands.append(dict(setting.split("=", 1) for setting in words[1::2]))
    return commands


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_there_is_one_for_another_model_and_one_for_pictures_of_ones_own(chapter):
    other, pictures = read_commands(chapter)
    named = [name for name, value in other.items() if value]
    assert len(named) == 1  # one word to change
    assert pictures.items() > other.items()
    assert pictures["dataset"] == "folder" and pictures["data_dir"] == "PICTURES"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_they_name_parameters_of_the_chapter_and_models_whose_weights_are_public(chapter):
    defaults = read_parameters(find_chapter(chapter))
    for command in read_commands(chapter):
        for name, value in command.items():
            convert(name, value, defaults[name])
            if value and f"{name}_checkpoint" in defaults:
                assert value in timm.list_pretrained(), value


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_model_that_belongs_to_the_bundled_one_stays_beside_another(chapter):
    other, pictures = read_commands(chapter)
    defaults = read_parameters(find_chapter(chapter))
    bundled = {name for name, value in defaults.items() if "pocket_" in str(value)}
    assert not {name for name in bundled - set(pictures) if not name.startswith("mixer")}
    if "vit" in other:
        twins = {name for name in bundled if name.startswith("vit_") and not name.startswith("vit_small")}
        assert all(other.get(name) == "" for name in twins)
