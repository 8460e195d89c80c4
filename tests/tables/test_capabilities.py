"""What models can do is told beside their names, from another chapter where a result's own images could not tell."""

import copy

import pytest

from seelike.results.results import Result
from seelike.system.paths import RESULTS
from seelike.tables.capabilities import is_measured, tell

UNKNOWN = {"measure": "nothing", "reason": "no labels"}


@pytest.fixture
def unmeasured():
    result = copy.deepcopy(Result.load(RESULTS / "cifar10" / "localization.json"))
    for model in result.provenance["models"].values():
        model["capability"] = UNKNOWN
    return result


def test_a_result_tells_its_own_figure_with_control_and_chance():
    result = Result.load(RESULTS / "cifar10" / "localization.json")
    found = result.provenance["models"]["vit"]["capability"]
    said = tell(result, "vit")
    assert said.startswith(f"top-1 accuracy {found['accuracy']:.0%} (untrained ") and "chance 10%" in said
    assert "chapter" not in said


def test_the_same_weights_are_told_from_another_chapter(unmeasured):
    assert not is_measured(unmeasured, "vit")
    said = tell(unmeasured, "vit")
    assert said.startswith("top-1 accuracy") and "in the chapter " in said


def test_other_weights_are_not(unmeasured):
    unmeasured.provenance["models"]["vit"]["state_sha256"] = "0" * 64
    assert tell(unmeasured, "vit") == "not measured (no labels)"


def test_the_same_weights_in_another_design_are_not(unmeasured):
    unmeasured.provenance["models"]["vit"]["name"] = "vit_pocket_noskip1_patch4_32.cifar10"
    assert tell(unmeasured, "vit") == "not measured (no labels)"
