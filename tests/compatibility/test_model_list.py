"""Models by name, with what each chapter can do with them."""

import pytest
import timm

from seelike.cli import main
from seelike.compatibility import families
from seelike.compatibility.model_list import PUBLIC, list_models
from seelike.models import bundled
from seelike.system.errors import InputError


def row(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_without_a_filter_the_bundled_models_and_the_papers_neighbours_are_listed(capsys):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in (*bundled.NAMES, *PUBLIC))
    assert row(said, "resnetv2_50x1_bit.goog_in21k")[1:4] == ["BiT", "v c", "c"]
    assert row(said, "vit_pocket_noskip4_patch8_56.shapes")[4] == "–"  # it has a block that adds nothing to a skip


def test_the_public_ones_have_weights():
    assert set(PUBLIC) <= set(timm.list_pretrained())


def test_a_filter_is_timms_or_part_of_a_name():
    assert "deit_tiny_patch16_224.fb_in1k" in list_models("deit_tiny")
    assert row(list_models("vit_small_patch8*"), "vit_small_patch8_224.dino")[1] == "as ViT with CLS token"
    assert "and" in list_models("vit") and "more: narrow the filter" in list_models("vit")
    with pytest.raises(InputError, match="FILTER must be part of a timm model's name, not 'resnext_nothing'"):
        list_models("resnext_nothing")


def test_of_several_families_of_one_file_the_name_tells():
    assert families.find_family("vit_small_patch8_224.dino") == "ViT with CLS token"
    assert families.find_family("vit_large_patch16_siglip_384") == "ViT with pooling by attention (SigLIP)"


def test_a_family_that_is_not_in_the_table_is_not_guessed_at(monkeypatch):
    table = {name: entry for name, entry in families.read_table().items() if entry["module"] != "tnt"}
    monkeypatch.setattr(families, "read_table", lambda: table)
    assert row(list_models("tnt_s"), "tnt_s_legacy_patch16_224.in1k")[1:3] == ["not in the table of families", "?"]
