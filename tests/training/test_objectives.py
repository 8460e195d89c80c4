"""Objectives: clusters learned without a label, pixels beside classes, classes from what a frozen backbone makes."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from seelike.models.recipe_kinds import Recipe
from seelike.models.recipes import RECIPES
from seelike.training import objectives, train
from seelike.training.accuracy import measure_accuracy
from seelike.training.objectives import Classes, Source
from seelike.training.train import Training

NAME = "vtcc_pocket_56.unlabelled_shapes"
DENSE = "vit_pocket_dense_56.dense_shapes"
FROZEN_NAME = "duoformer_pocket_56.frozen_strokes"


def shorten(name: str) -> Recipe:
    return replace(RECIPES[name], images=20, steps=4, batch_size=4, warmup=2)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(train, "N_VALIDATION", 10)
    monkeypatch.setattr(train, "REPORT_EVERY", 2)


NOTED = {
    NAME: ["information", "gradient"],
    "vtcc_pocket_patchstem_56.unlabelled_strokes": ["information", "gradient"],
    DENSE: ["accuracy", "miou"],
    "hlg_pocket_56.dense_shapes": ["accuracy", "miou"],
}


def run_whole_and_in_halves(name: str, folder: Path, noted: list[str]) -> Training:
    """A training in one go, whose learning curve notes this; one that is stopped and resumed comes to the same."""
    whole = Training(name, shorten(name), folder)
    assert whole.run() and list(whole.curve) == ["images_seen", "loss", *noted]
    half = Training(name, shorten(name), folder / "halves")
    half.open()
    for _ in half.advance():
        pass
    resumed = Training(name, shorten(name), folder / "halves")
    assert resumed.step == 2 and resumed.run() and resumed.curve == whole.curve
    torch.testing.assert_close(resumed.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    return whole


@pytest.mark.parametrize("name", NOTED)
def test_a_run_resumes_as_if_nothing_had_happened(name, tmp_path):
    run_whole_and_in_halves(name, tmp_path, NOTED[name])


def test_clusters_are_learned_without_a_look_at_labels(tmp_path, monkeypatch):
    plain = Training(NAME, shorten(NAME), tmp_path / "plain")
    assert plain.run()

    class Sealed(torch.Tensor):
        @classmethod
        def __torch_function__(cls, call, types, args=(), kwargs=None):
            pytest.fail(f"a label is read by {call}")

    load = objectives._load
    monkeypatch.setattr(objectives, "_load", lambda *what: (load(*what)[0], torch.zeros(20).as_subclass(Sealed)))
    monkeypatch.setattr(objectives.Clusters, "score", lambda self, model: model.eval() and {})
    sealed = Training(NAME, shorten(NAME), tmp_path / "sealed")
    assert sealed.run()
    torch.testing.assert_close(sealed.model.state_dict(), plain.model.state_dict(), rtol=0, atol=0)
    with pytest.raises(pytest.fail.Exception, match="a label is read"):
        torch.zeros(20).as_subclass(Sealed)[0]


def test_the_norm_of_every_gradient_is_noted(tmp_path):
    training = Training(NAME, shorten(NAME), tmp_path)
    assert training.run() and len(training.curve["gradient"]) == 4
    last = sum((p.grad.double() ** 2).sum() for p in training.model.parameters()).sqrt().item()
    assert training.curve["gradient"][-1] == pytest.approx(last, rel=0.01)


@pytest.mark.parametrize(
    ("alone", "idle", "busy"), [("cluster", "projector", "head"), ("instance", "head", "projector")]
)
def test_a_loss_of_weight_nothing_teaches_nothing(alone, idle, busy, tmp_path):
    name = f"vtcc_pocket_56.unlabelled_strokes_{alone}"
    objective = objectives.Clusters(shorten(name), Source(tmp_path, 56, "", "cpu"), 10)
    model = timm.create_model(name)
    chosen, drawn, _ = (table[0] for table in objective.plan)
    objective.loss(model, chosen, drawn).backward()
    assert all(p.grad is None for p in model.get_submodule(idle).parameters())
    assert all(p.grad is not None for p in model.get_submodule(busy).parameters())


def test_classes_and_pixels_are_learned_together(tmp_path):
    recipe = shorten(DENSE)
    objective, model = objectives.Pixels(recipe, Source(tmp_path, 56, "", "cpu"), 10), timm.create_model(DENSE)
    chosen = objective.plan[0][0]
    whole = objective.loss(model, chosen)
    objective.recipe = replace(recipe, pixels=0.0)
    of_classes = objective.loss(model, chosen)
    of_classes.backward()
    assert all(p.grad is None or not p.grad.any() for p in model.decoder.parameters())
    scores = model.forward_both(objective.images[chosen] / 127.5 - 1)[1].log_softmax(1)
    right = [scores[i, int(label), y, x] for i, y, x, label in _list_pixels(objective.pixels[chosen])]
    assert (whole - of_classes).item() == pytest.approx(-torch.stack(right).mean().item(), rel=1e-3)
    found = objective.score(model)
    assert 0 <= found["accuracy"] <= 1 and 0 < found["miou"] < 0.5


def _list_pixels(labels: torch.Tensor):
    for i, y, x in torch.cartesian_prod(*map(torch.arange, labels.shape)).tolist():
        yield i, y, x, labels[i, y, x]


def test_what_a_frozen_backbone_makes_of_images_is_made_once_and_the_same(tmp_path, monkeypatch):
    """The loss and the accuracy are those of whole passes, but for half precision."""
    calls, make = [], objectives.ScaleTokens.forward
    monkeypatch.setattr(objectives.ScaleTokens, "forward", lambda self, x: calls.append(len(x)) or make(self, x))
    objective = objectives.Tokens(shorten(FROZEN_NAME), Source(tmp_path, 56, "", "cpu"), 10)
    model = timm.create_model(FROZEN_NAME)
    losses = [objective.loss(model, *(table[step] for table in objective.plan[:-1])) for step in range(2)]
    assert calls == [20] and objective.score(model) == objective.score(model) and calls == [20, 10]
    assert objective.score(model)["accuracy"] == pytest.approx(measure_accuracy(model, *objective.held_out), abs=1e-6)
    for step, loss in enumerate(losses):
        whole = Classes.loss(objective, model, *(table[step] for table in objective.plan[:-1]))
        torch.testing.assert_close(loss, whole, rtol=0.01, atol=0)


def test_on_a_frozen_backbone_a_run_resumes_and_the_backbone_stays(tmp_path):
    whole = run_whole_and_in_halves(FROZEN_NAME, tmp_path, ["accuracy"])
    backbone, shipped = whole.model.scale_tokens.backbone, timm.create_model("resnet_pocket.shapes", pretrained=True)
    torch.testing.assert_close(backbone.state_dict(), shipped.state_dict(), rtol=0, atol=0)
    saved = torch.load(tmp_path / f"{FROZEN_NAME}.pt", weights_only=True)["model"]
    assert saved.keys() == dict(whole.model.named_parameters()).keys()
