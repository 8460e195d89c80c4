"""Training: that a run resumed is a run uninterrupted, and that what is shipped is what was trained."""

import json
from dataclasses import replace

import pytest
import timm
import torch

from seelike.models.recipe_kinds import Recipe, WiredRecipe
from seelike.models.recipes import SHAPES, VIT
from seelike.models.wired import find_wired
from seelike.system.errors import InputError
from seelike.training import train
from seelike.training.train import Training, run_together

TINY = Recipe(images=40, steps=6, batch_size=8, warmup=2)
PHASED = WiredRecipe(**vars(TINY) | {"steps": 9}, wiring="convolution")  # held for 3 steps, released in 2
WIRED, POSATTN = (SHAPES.name(design) for design in ("wired", "posattn"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(train, "N_VALIDATION", 20)
    monkeypatch.setattr(train, "REPORT_EVERY", 3)


def run(runs, recipe=TINY, name=VIT, **how) -> Training:
    training = Training(name, recipe, runs, **how)
    assert training.run()
    return training


@pytest.mark.parametrize("name", [VIT, "resnet_pocket", WIRED, POSATTN])
def test_same_seed_same_run(name, tmp_path):
    one, same = run(tmp_path / "one", name=name), run(tmp_path / "same", name=name)
    other = run(tmp_path / "other", replace(TINY, seed=1), name=name)
    assert one.curve == same.curve != other.curve
    torch.testing.assert_close(one.model.state_dict(), same.model.state_dict(), rtol=0, atol=0)
    files = [(tmp_path / folder / f"{name}.json").read_text() for folder in ("one", "same")]
    assert files[0] == files[1] and json.loads(files[0]) == one.curve


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    learn, calls = Training._learn_once, []

    def interrupted(self):
        calls.append(self.step)
        if len(calls) == 5:
            raise KeyboardInterrupt
        learn(self)

    monkeypatch.setattr(Training, "_learn_once", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "runs")
    monkeypatch.setattr(Training, "_learn_once", learn)
    resumed = Training(VIT, TINY, tmp_path / "runs")
    assert resumed.step == 3
    assert resumed.run() and resumed.curve == whole.curve
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def test_stops_after_the_minutes_it_was_given(tmp_path):
    stopped = Training(VIT, TINY, tmp_path)
    assert not stopped.run(minutes=1e-9) or stopped.step == 0
    assert Training(VIT, TINY, tmp_path).run()


def test_refuses_to_go_on_with_another_recipe(tmp_path):
    run(tmp_path)
    with pytest.raises(InputError, match="comes from another recipe"):
        Training(VIT, replace(TINY, rate=1.0), tmp_path)


def test_keeps_early_states(tmp_path):
    training = run(tmp_path, keep={2: "early"})
    early = train._read(tmp_path / "early.pt", "cpu")
    assert early["step"] == 2
    same = Training(VIT, TINY, tmp_path / "again")
    same.open()
    same.model.train()
    for _ in range(2):
        same._learn_once()
    torch.testing.assert_close(early["model"], same.model.state_dict(), rtol=0, atol=0)
    assert not torch.equal(early["model"]["head.weight"], training.model.head.weight)


def test_an_augmented_run_resumes_as_if_nothing_had_happened(tmp_path):
    augmented = replace(TINY, augment=True)
    whole = run(tmp_path / "whole", augmented)
    half = Training(VIT, augmented, tmp_path / "halves")
    half.run(minutes=1e-9)
    resumed = Training(VIT, augmented, tmp_path / "halves")
    assert resumed.run() and resumed.curve == whole.curve != run(tmp_path / "plain").curve
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def wired_state(training: Training, *kinds: str) -> dict[str, torch.Tensor]:
    """What a run's attentions hold of some kinds; of the joint projection, queries and keys alone."""
    state = training.model.state_dict()
    return {key: value[:144] if "qkv" in key else value for key, value in state.items() if key.endswith(kinds)}


def test_heads_are_held_then_released(tmp_path):
    """Content, offsets and pull stay as they were while they are held, but for weight decay; then they learn."""
    name = f"{WIRED}.shapes_twophase"
    start = Training(name, PHASED, tmp_path)
    training = Training(name, PHASED, tmp_path, keep={3: "held"})
    fixed, learned = ("strength", "targets"), ("pull_bias", "qkv.bias", "relative", "qkv.weight")
    begun = wired_state(start, *learned)
    assert training.run()
    held = Training(name, PHASED, tmp_path / "other")
    held.model.load_state_dict(train._read(tmp_path / "held.pt", "cpu")["model"])
    torch.testing.assert_close(wired_state(held, *fixed), wired_state(start, *fixed), rtol=0, atol=0)
    torch.testing.assert_close(wired_state(held, *learned), begun, rtol=1e-3, atol=0)
    assert not torch.equal(held.model.head.weight, start.model.head.weight)
    for key, value in wired_state(training, *learned).items():
        assert not torch.allclose(value, begun[key], rtol=1e-3, atol=0), key
    shares = [[attention.q_norm.share.item() for attention in find_wired(each.model)] for each in (held, training)]
    assert shares == [[0.0] * 8, [1.0] * 8]


def test_a_phased_run_resumes_in_either_phase_as_if_nothing_had_happened(tmp_path):
    name = f"{WIRED}.shapes_permuted"
    recipe = replace(PHASED, wiring="permuted")
    whole = run(tmp_path / "whole", recipe, name)
    for _ in range(3):
        halting = Training(name, recipe, tmp_path / "parts")
        halting.run(minutes=1e-9)
        turn = halting.advance()
        while next(turn, turn) is None:
            pass
    assert halting.is_done and halting.curve == whole.curve
    torch.testing.assert_close(halting.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def test_runs_together_are_as_runs_apart(tmp_path):
    shorter = replace(TINY, steps=4, seed=1)
    together = [Training(VIT, TINY, tmp_path / "a"), Training("resnet_pocket", shorter, tmp_path / "b")]
    run_together(together)
    apart = [run(tmp_path / "c"), run(tmp_path / "d", shorter, "resnet_pocket")]
    for one, same in zip(together, apart, strict=True):
        assert one.is_done and one.curve == same.curve
        torch.testing.assert_close(one.model.state_dict(), same.model.state_dict(), rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", [VIT, "resnet_pocket", f"{WIRED}.shapes_twophase", POSATTN, SHAPES.name("uniform")])
def test_a_graph_learns_what_the_steps_themselves_do(tmp_path, monkeypatch, name):
    recipe = replace(PHASED if name.startswith(WIRED) else TINY, steps=12, augment=True)
    graph = run(tmp_path / "graph", recipe, name, device="cuda")
    monkeypatch.setattr(train, "Graph", lambda call: call)
    eager = run(tmp_path / "eager", recipe, name, device="cuda")
    torch.testing.assert_close(graph.model.state_dict(), eager.model.state_dict(), rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(graph.losses, eager.losses, rtol=1e-2, atol=1e-3)


def check_fine_tuned(start: dict, trained: dict) -> None:
    for key, value in start.items():
        assert torch.equal(value, torch.zeros_like(value) if key.startswith("head.") else trained[key])


def test_fine_tuning_starts_from_what_was_trained_here_or_else_from_what_is_shipped(tmp_path):
    tuned = replace(TINY, start=f"{VIT}.shapes", task="strokes")
    shipped = timm.create_model(f"{VIT}.shapes", pretrained=True).state_dict()
    check_fine_tuned(Training(f"{VIT}.shapes_to_strokes", tuned, tmp_path).model.state_dict(), shipped)
    half = Training(f"{VIT}.shapes", TINY, tmp_path)
    half.step = 3
    half._save()
    assert not train.is_done(f"{VIT}.shapes", tmp_path)
    with pytest.raises(InputError, match=f"starts from {VIT}.shapes: train that to its end first"):
        Training(f"{VIT}.shapes_to_strokes", tuned, tmp_path)
    (tmp_path / f"{VIT}.shapes.pt").unlink()
    trained = run(tmp_path, name=f"{VIT}.shapes").model.state_dict()
    assert not torch.equal(trained["cls_token"], shipped["cls_token"])
    check_fine_tuned(Training(f"{VIT}.shapes_to_strokes", tuned, tmp_path).model.state_dict(), trained)


def test_what_cannot_go_on_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    name = f"{VIT}.shapes"
    monkeypatch.setattr(train, "NAMES", ())
    with pytest.raises(InputError, match=f"starts from {name}: train that to its end first"):
        train.train([f"{VIT}.shapes_to_strokes"], tmp_path, "cpu", 1, 1)
    run(tmp_path, name=name)
    with pytest.raises(InputError, match="comes from another recipe"):
        train.train([name], tmp_path, "cpu", 1, 1)
    (tmp_path / f"{name}.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(InputError, match="cannot be read"):
        train.train([name], tmp_path, "cpu", 1, 1)
