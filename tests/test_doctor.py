"""What the machine has is told, and what would keep chapters from running."""

import pytest

from seelike import doctor
from seelike.cli import main
from seelike.models import bundled
from seelike.system.errors import InputError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def facts() -> dict[str, str]:
    return dict(doctor.examine().facts)


def test_a_sound_machine_has_no_problems_and_says_what_it_has(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for what in ("seelike", "python", "torch", "device", "memory", "disk", "hub", "profile pocket", "profile paper"):
        assert what in said
    assert said.strip().endswith("Every chapter can run here on the bundled models.")
    assert f"{len(bundled.NAMES)} files, intact" in said


def test_damaged_weights_are_a_problem_with_its_remedy(monkeypatch, capsys):
    def damaged(file):
        raise InputError(f"the bundled weights {file.name} are damaged: restore them")

    monkeypatch.setattr(bundled, "check_weights", damaged)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "damaged: restore them" in said and "will not work, see below" in said


def test_a_missing_library_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "NEEDED", ("papermill", "no_such_library"))
    found = doctor.examine()
    assert not found.sound and "no_such_library is not installed: pip install no_such_library" in found.problems


def test_the_hub_is_not_asked_where_the_network_is_forbidden():
    assert "is not asked: HF_HUB_OFFLINE is set" in facts()["hub"]
    assert "needs weights as files or in the cache" in facts()["profile pretrained"]


def test_a_hub_that_cannot_be_reached_is_said_so(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(doctor, "hf_hub_url", lambda *_: "http://127.0.0.1:9/config.json")
    assert "does not answer" in facts()["hub"]


def test_less_memory_than_a_profile_took_is_said(monkeypatch):
    monkeypatch.setattr(doctor.memory, "find_free", lambda: 1)
    assert "less memory than that" in facts()["profile pocket"]
    monkeypatch.setattr(doctor.memory, "find_free", lambda: 2**25)
    assert "less memory" not in facts()["profile pocket"]
    monkeypatch.setattr(doctor.memory, "find_free", lambda: None)
    assert facts()["memory"] == "this system does not tell"


def test_a_profile_says_what_its_models_need(monkeypatch):
    monkeypatch.setattr(bundled, "NAMES", ())
    assert "not all trained yet" in facts()["profile cifar10"]
    monkeypatch.setattr(bundled, "NAMES", bundled.PLANNED)
    assert "works offline with the images of cifar10" in facts()["profile cifar10"]
