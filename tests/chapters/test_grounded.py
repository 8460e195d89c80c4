"""What cards tell of foreground and background alone, by hand."""

import numpy as np
import pytest

from seelike.chapters import grounded
from seelike.chapters.answered import N_DRAWS
from seelike.measures.kept import INTACT
from seelike.measures.object_parts import BACKGROUND, CLAIMED, FOREGROUND, MOVED, PARTS

CLASSES = "0123456789" * 20
NAMES = {"vit": "vit_pocket_patch8_56.shapes", "cnn": "resnet_pocket.shapes"}
PARAMETERS = NAMES | {"vit_checkpoint": "", "cnn_checkpoint": ""}


def answer(share: float) -> str:
    """Right about this share of the ten classes, and wrong about the others, in every ten images alike."""
    return "".join(each if int(each) < 10 * share else str((int(each) + 1) % 10) for each in CLASSES)


def card(whole: float, foreground: float, background: float, moved: float = 0.5) -> dict:
    shares = {FOREGROUND: foreground, BACKGROUND: background, FOREGROUND + MOVED: moved, BACKGROUND + MOVED: moved}
    return {"classes": CLASSES, "answers": answer(whole), "asked": {name: answer(shares[name]) for name in PARTS}}


@pytest.fixture
def cards(monkeypatch) -> dict[str, dict]:
    known = {f"{NAMES['vit']}_grounded": card(0.9, 0.9, 0.3), f"{NAMES['vit']}_grounded_seed1": card(0.9, 0.7, 0.3)}
    known[f"{NAMES['cnn']}_grounded"] = card(0.6, 0.4, 0.2)
    monkeypatch.setattr(grounded.bundled, "read_manifest", lambda: known)
    return known


def test_shares_are_of_accuracy_above_chance(cards):
    kept = grounded.read_kept(cards[f"{NAMES['cnn']}_grounded"])
    assert len(kept.accuracy[INTACT]) == N_DRAWS and kept.accuracy[INTACT].mean() == pytest.approx(0.6)
    assert kept.share(PARTS[FOREGROUND])[0] == pytest.approx(0.3 / 0.5)
    assert kept.share(PARTS[BACKGROUND])[0] == pytest.approx(0.1 / 0.5)


def test_the_claim_is_the_difference_of_both_models_over_all_trainings(cards):
    parts = grounded.find_parts(PARAMETERS)
    assert {role: len(own) for role, own in parts.items()} == {"vit": 2, "cnn": 1}
    found = grounded.terms(parts)
    assert found.keys() == CLAIMED.keys()
    foreground = found["W6a"]
    np.testing.assert_allclose(foreground["vit_grounded",][:, 0], [1, 0.75])
    np.testing.assert_allclose(foreground["cnn_grounded",][:, 0], [-0.6])
    arrays = grounded.arrays(parts)
    np.testing.assert_allclose(arrays["kept_parts"]["vit"].values[1], [0.75, 0.25, 0.5, 0.5])
    np.testing.assert_allclose(arrays["grounded_accuracy"]["cnn"].values, [0.6])


def test_before_training_there_is_nothing_to_keep(cards):
    parts = grounded.find_parts(PARAMETERS, trained=False)
    assert all(np.isnan(each).all() for terms in grounded.terms(parts).values() for each in terms.values())
    assert not any(grounded.arrays(parts).values())


@pytest.mark.parametrize("changed", [{"vit": "deit_tiny_patch16_224.fb_in1k"}, {"vit_checkpoint": "own.safetensors"}])
def test_of_models_that_were_not_trained_so_nothing_is_told(cards, changed):
    parts = grounded.find_parts(PARAMETERS | changed)
    assert "vit" not in parts and not grounded.terms(parts)


def test_cards_that_do_not_tell_it_are_left_alone(cards):
    cards[f"{NAMES['vit']}_grounded_seed1"].pop("asked")
    assert grounded.find_parts(PARAMETERS).keys() == {"cnn"}
