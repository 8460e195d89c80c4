"""One runner: every chapter shows each model every image once, and what is refused names the role."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.activations.flattened import Outputs
from seelike.chapters import rehearsal, skip_connections
from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.attention_distance import Distances
from seelike.measures.features import Features
from seelike.measures.layer_cka import JointCKA, split_by_model
from seelike.measures.norm_ratio import Ratios
from seelike.measures.runner import Cast, assemble, feed, feed_one
from seelike.models.recipes import find_runs
from seelike.system.errors import InputError, naming

BATCH, BATCHES = 8, 2
FEW = {"n_images": BATCH * BATCHES, "batch_size": BATCH, "n_field_images": 1, "n_probe_images": 0, "n_attributed": 0}
FEW |= {"n_drawings": 40}


def make_run(chapter: str, n_seeds: int = 1):
    defaults = read_parameters(find_chapter(chapter))
    changed = {
        name: value for name, value in (FEW | {"n_seeds": n_seeds, "layers": "blocks"}).items() if name in defaults
    }
    return prepare(CHAPTERS[chapter], **defaults | changed)


CHANGING = {"intriguing_properties", "visual_exploration"}  # they show images changed in many ways, see their tests
WITHOUT_IMAGES = {"spatial_structure", "duoformer"}  # they show models other images, or none
OTHERS = {"vit_unlabelled": FEW["n_drawings"]}  # models that see other images than the chapter's, and how many


def test_every_chapter_passes_all_images_once_through_each_model(monkeypatch):
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    for chapter in CHAPTERS.keys() - CHANGING - WITHOUT_IMAGES:
        run, seen = make_run(chapter), {}
        models = next(run.load_models())
        for role, model in models.items():
            seen[role] = []
            model.register_forward_pre_hook(lambda _, inputs, sizes=seen[role]: sizes.append(len(inputs[0])))
        next(iter(CHAPTERS[chapter].measure([models], run)))
        for role in models:
            batches = OTHERS.get(role, BATCH * BATCHES) // BATCH
            assert [n for n in seen[role] if n > 2] == [BATCH] * batches, (chapter, role)  # one or two: a first look


PAIRED = {"U3a", "U3b", "U4a", "U4b", "U4c", "U5a", "U5b", "M2", "M3", "A3", "S2b"}  # of every ViT and every CNN, say


@pytest.mark.parametrize("chapter", ["uniformity", "attention_distance", "skip_connections", "mixer"])
def test_a_model_without_twins_sees_all_images_once_though_several_trainings_are_measured(chapter, monkeypatch):
    """And what is found of each training is what is found of it alone, but for what all pairs of models share."""
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    paired = {name for role, name in read_parameters(find_chapter(chapter)).items() if role in ("vit", "cnn")}
    twins = {name: find_runs(name) for name in paired}
    monkeypatch.setattr("seelike.chapters.run.find_runs", lambda name: twins.get(name, [name]))
    run, seen = make_run(chapter, n_seeds=2), {}
    loaded = list(run.load_models())
    for model in {model for models in loaded for model in models.values()}:
        model.register_forward_pre_hook(lambda module, inputs: seen.setdefault(module, []).append(len(inputs[0])))
    shared = [role for role in loaded[0] if loaded[0][role] is loaded[1][role]]
    assert shared and not {"vit", "cnn"} & set(shared) and len(seen) == 0
    found = list(CHAPTERS[chapter].measure(loaded, run))
    for sizes in seen.values():
        assert [n for n in sizes if n > 2] == [BATCH] * BATCHES
    assert len(seen) == 2 * len(loaded[0]) - len(shared)
    for models, each in zip(loaded, found, strict=True):
        (alone,) = CHAPTERS[chapter].measure([models], run)
        terms, own = each.terms(), alone.terms()
        assert terms.keys() == own.keys() > PAIRED & own.keys()
        for part in own.keys() - PAIRED:
            for roles, replicates in own[part].items():
                np.testing.assert_allclose(terms[part][roles], replicates, atol=1e-9)


def test_one_model_in_two_parts_is_read_as_each_part_is(monkeypatch):
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    run = make_run("skip_connections")
    models = next(run.load_models())
    apart = next(skip_connections.measure_runs([models], run))
    same = next(skip_connections.measure_runs([models | {"cnn": models["vit"]}], run))
    np.testing.assert_array_equal(same.ratios["cnn"].log_ratio, apart.ratios["vit"].log_ratio)
    np.testing.assert_array_equal(same.ablation.accuracy, apart.ablation.accuracy)


class Counted(nn.Module):
    """Two layers, of which the first counts how often it is read."""

    def __init__(self, width: int = 3):
        super().__init__()
        self.passes = 0
        self.low, self.high = nn.Linear(4, width), nn.Linear(width, 2)

    def forward(self, x):
        self.passes += 1
        return self.high(self.low(x))


def minibatches(n: int = 3, roles=("one", "two")) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [dict.fromkeys(roles, torch.randn(6, 4, generator=generator)) for _ in range(n)]


def test_what_is_read_alike_of_one_model_is_read_once_for_all_roles_and_runs():
    model, calls = Counted(), []

    def reduce(x):
        calls.append(len(x))
        return x.clone()

    casts = [Cast({"one": model, "two": model}), Cast({"one": model})]
    asked = [cast.add(role, Features(Outputs(("low",), reduce), 18)) for cast in casts for role in cast.models]
    found = feed(minibatches(), *casts)
    assert model.passes == 3 and calls == [6] * 3
    with torch.no_grad():
        expected = model.low(torch.cat([images["one"] for images in minibatches()]))
    for each in asked:
        torch.testing.assert_close(found[each]["low"], expected)


def test_one_model_that_sees_other_images_in_another_role_is_passed_through_for_each():
    model = Counted()
    cast = Cast({"one": model, "two": model})
    asked = {role: cast.add(role, Features(Outputs(("low",)), 6)) for role in cast.models}
    found = feed([{"one": torch.zeros(6, 4), "two": torch.ones(6, 4)}], cast)
    assert model.passes == 2
    assert not torch.equal(found[asked["one"]]["low"], found[asked["two"]]["low"])


def test_models_together_are_compared_as_one_matrix_that_splits_by_model():
    cast = Cast({"one": Counted(), "two": Counted(5)})
    whole = cast.compare(JointCKA.of({"one": ["low", "high"], "two": ["high"]}))
    similarity = feed(minibatches(), cast)[whole]
    assert similarity.layers == ("one/low", "one/high", "two/high")
    parts = split_by_model(similarity.values, {"one": 2, "two": 1})
    assert parts["one", "two"].shape == (2, 1) and parts["one", "two"][1, 0] == similarity.values[1, 2]
    alone = Cast({"one": cast.models["one"]})
    own = alone.compare(JointCKA.of({"one": ["low", "high"]}))
    np.testing.assert_allclose(parts["one", "one"], feed(minibatches(), alone)[own].values)


def test_a_look_needs_one_pass_and_no_minibatch_is_lost():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    sizes = []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    images = torch.randn(12, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    feed_one(model, images.split(4), Ratios)
    assert sizes == [2, 4, 4, 4]


@pytest.mark.parametrize("make", [Distances, Ratios])
def test_a_refusal_names_the_role_and_without_one_the_model(make):
    model, images = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.randn(4, 3, 4, 4)
    (cast,), _ = assemble([{"vit_gap": model}], [{"vit_gap": images}])
    with pytest.raises(InputError, match="^vit_gap must be a "):
        cast.measure("vit_gap", make)
    with pytest.raises(InputError, match="^the model must be a "):
        feed_one(model, [images], make)


def test_what_a_layer_does_is_refused_with_role_and_family():
    cast = Cast({"one": Counted()})
    cast.compare(JointCKA.of({"one": ["low"]}))
    with pytest.raises(InputError, match=r"^one \(Counted\): layer low: activations are the same"):
        feed([{"one": torch.zeros(6, 4)}], cast)


def test_a_parameter_that_is_named_already_is_not_named_again():
    twice = naming("vit", nn.Identity()), naming("vit", nn.Identity())
    with pytest.raises(InputError, match="^vit must be a ViT$"), twice[0], twice[1]:
        raise InputError("the model must be a ViT")


def test_no_images_are_refused():
    with pytest.raises(InputError, match="at least one full minibatch"):
        assemble([{"one": Counted()}], [])


def test_a_role_waits_for_images_of_its_own():
    model = Counted()
    cast = Cast({"one": model, "two": Counted(), "one halved": model})
    read = Outputs(("high",))
    asked = {role: cast.add(role, Features(read, 6)) for role in cast.models}
    (plain,) = minibatches(1)
    found = feed([plain, {"one halved": plain["one"] / 2}], cast)
    assert model.passes == 2
    assert torch.equal(found[asked["one"]]["high"], model.high(model.low(plain["one"])))
    assert torch.equal(found[asked["one halved"]]["high"], model.high(model.low(plain["one"] / 2)))
