"""Training: its schedule, its order, and that a run resumed is a run uninterrupted."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from seelike import train, zoo
from seelike.errors import InputError
from seelike.train import Recipe, Training

TINY = Recipe(images=40, cycles=((6, 1e-3),), batch_size=8, warmup=2)


@pytest.fixture(autouse=True)
def small_validation(monkeypatch):
    monkeypatch.setattr(train, "N_VALIDATION", 20)


def run(state) -> Training:
    training = Training("vit_pocket_patch8_56", TINY, state, "cpu")
    training.run(report_every=3)
    return training


def test_learning_rate_warms_up_then_falls_to_zero_in_every_cycle():
    recipe = Recipe(cycles=((100, 1.0), (50, 0.5)), warmup=10)
    assert recipe.steps == 150
    assert recipe.rate(0) == pytest.approx(0.1)
    assert recipe.rate(9) == recipe.rate(10) == pytest.approx(1.0)
    assert recipe.rate(55) == pytest.approx(0.5)
    assert recipe.rate(99) < 0.001
    assert recipe.rate(100) == pytest.approx(0.05)
    assert recipe.rate(130) == pytest.approx(0.25)
    assert recipe.rate(149) < 0.001


def test_every_image_comes_once_an_epoch_in_an_order_of_its_own():
    epochs = [[TINY.choose_batch(5 * epoch + step) for step in range(5)] for epoch in range(2)]
    for epoch in epochs:
        assert Counter(torch.cat(epoch).tolist()) == Counter(range(40))
    assert not torch.equal(epochs[0][0], epochs[1][0])
    assert torch.equal(TINY.choose_batch(3), TINY.choose_batch(3))
    assert not torch.equal(TINY.choose_batch(3), replace(TINY, seed=1).choose_batch(3))


def test_same_seed_same_run(tmp_path):
    one, same = run(tmp_path / "one.pt"), run(tmp_path / "same.pt")
    assert one.curve == same.curve
    torch.testing.assert_close(one.model.state_dict(), same.model.state_dict(), rtol=0, atol=0)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole.pt")
    learn, calls = Training._learn, []

    def interrupted(self, images, labels):
        calls.append(self.step)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return learn(self, images, labels)

    monkeypatch.setattr(Training, "_learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "state.pt")
    monkeypatch.setattr(Training, "_learn", learn)
    resumed = run(tmp_path / "state.pt")
    assert resumed.curve == whole.curve
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def test_refuses_to_go_on_with_another_recipe(tmp_path):
    run(tmp_path / "state.pt")
    with pytest.raises(InputError, match="comes from another recipe"):
        Training("vit_pocket_patch8_56", replace(TINY, cycles=((6, 1.0),)), tmp_path / "state.pt", "cpu")


def test_normalises_as_timms_transform_does():
    import timm

    from seelike.models import transform_of
    from seelike.shapes import Shapes

    transform = transform_of(timm.create_model("vit_pocket_patch8_56"))
    images, _ = train.draw_split("validation", 2)
    torch.testing.assert_close(transform(Shapes("validation")[1][0]), train.normalize(images)[1], rtol=0, atol=1e-6)


def test_publishing_writes_weights_and_a_card_that_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(zoo, "MANIFEST", tmp_path / "weights" / "manifest.json")
    monkeypatch.setattr(train, "N_TEST", 20)
    training = run(tmp_path / "state.pt")
    train.publish(training)
    card = zoo.read_manifest()["vit_pocket_patch8_56"]
    assert card["sha256"] == zoo.sha256(tmp_path / "weights" / card["file"])
    assert card["images_seen"] == 48
    zoo.check_weights(tmp_path / "weights" / card["file"])
