"""Every claim in every universe: the published one is what the chapter itself finds; images that differ are others."""

import numpy as np
import pytest

from seelike.chapters import robustness
from seelike.chapters.answered import SCALES
from seelike.chapters.chapter import Chapter
from seelike.chapters.prepare import open_others, open_run
from seelike.chapters.registry import CHAPTERS
from seelike.chapters.verdicts import weigh
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.kept import WAYS
from seelike.results.claims import AROUND, CLAIMS
from seelike.results.runs import read_published
from seelike.system.paths import RESULTS

AROUND_CHAPTERS = {claim.chapter for claim in AROUND.values()}
OPENED = {  # what claims around the paper need beside the images
    "intriguing_properties": {"n_probe_images": 1300, "n_conflicts": 40},
    "spatial_structure": {"n_datasets": 8, "n_steps": 10},
    "contrastive_clustering": {"n_drawings": 80},
    "duoformer": {"n_drawings": 80},
}
VARIED = [name for name, chapter in CHAPTERS.items() if chapter.vary]


def open_small(tmp_path, name: str, **changed):
    defaults = read_parameters(find_chapter(name)) | {"results_dir": str(tmp_path), "n_seeds": 1}
    small = {"n_images": 64, "batch_size": 8, "n_field_images": 48, "n_probe_images": 0, "n_attributed": 0} | changed
    return open_run(CHAPTERS[name], **(defaults | {key: value for key, value in small.items() if key in defaults}))


def test_every_chapter_with_choices_varies():
    assert {claim.chapter for claim in CLAIMS.values() if claim.choices} == set(VARIED)


@pytest.mark.parametrize("name", VARIED)
def test_the_published_universe_is_what_the_chapter_finds(tmp_path, name):
    run = open_small(tmp_path, name, **OPENED.get(name, {}))
    run.examined, run.opened = False, CHAPTERS[name].open(run)
    loaded = list(run.load_models())
    expected = next(iter(CHAPTERS[name].measure(loaded, run))).terms()
    universes = list(CHAPTERS[name].vary(loaded, run))
    varied = [claim for claim in CLAIMS.values() if claim.chapter == name and claim.choices]
    measured = [each for each in varied if all(part.id in expected for part in each.parts)]
    if name in AROUND_CHAPTERS:  # of these all that is published, but not what is still to be trained
        known = read_published(name, RESULTS)["pocket"].claims
        assert {claim.id for claim in varied if claim.id in known} == {claim.id for claim in measured}
    for claim in measured:
        published = {choice: option for choice, option in claim.choices.items() if choice != "images"}
        same = [terms[0] for choices, terms in universes if choices == published and claim.main.id in terms[0]]
        assert len(same) == 1, claim.id
        for part in claim.parts:
            for roles, replicates in expected[part.id].items():
                np.testing.assert_allclose(same[0][part.id][roles], replicates, rtol=1e-6, atol=1e-9)


def make_chapter(*, vary):
    return Chapter("mixer", None, vary=vary)


def constant(effect: float) -> np.ndarray:
    return effect + 0.01 * np.concatenate([[0], np.linspace(-1, 1, 8)])


def vary_by_hand(loaded, run):
    """M2 of two trainings, 0.2 and 0.3 by CKA, and −0.3 by RSA."""
    for measure, sign in (("cka", 1), ("rsa", -1)):
        ways = {"measure": measure, "layers": "blocks", "representation": "flattened", "minibatch": "whole"}
        ways["chance"] = "calibrated"
        yield ways, [{"M2": {("vit",): sign * constant(effect)}} for effect in (0.2, 0.3)]
        yield {"measure": measure}, [{"M2": {("vit",): constant(9.0)}}] * 2  # other choices than the claim's


def test_universes_are_judged_with_every_training_and_with_each_alone(tmp_path, monkeypatch):
    run = open_small(tmp_path, "mixer", n_seeds=2)
    monkeypatch.setattr(type(run), "load_models", lambda self: iter([]))
    run.has_resnet = True
    found, traced = robustness.vary(make_chapter(vary=vary_by_hand), run)
    robust = found["M2"]
    assert robust.published == CLAIMS["M2"].choices and robust.combinations == 4
    assert {each.choices["images"] for each in robust.outcomes} == {"first", "second"}
    assert [each.parts["M2"][0] for each in robust.only(images="first")] == pytest.approx([0.25, -0.25])
    assert robust.only(images="first", measure="cka")[0].alone == ("holds", "holds")
    assert robust.only(images="first", measure="rsa")[0].alone == ("reversed", "reversed")
    terms = next(own for _, own in vary_by_hand(None, None))
    measured = [type("Found", (), {"terms": lambda self, own=own: own})() for own in terms]
    entry = weigh(measured, measured, run.names, True)["M2"]
    assert robust.verdict == entry["verdict"] and robust.outcome.parts["M2"][0] == entry["parts"]["M2"]["effect"]
    assert traced["images"]["first"] != traced["images"]["second"]


def test_a_claim_of_resnets_does_not_apply_to_another_cnn(tmp_path, monkeypatch):
    run = open_small(tmp_path, "mixer", n_seeds=2)
    monkeypatch.setattr(type(run), "load_models", lambda self: iter([]))
    found, _ = robustness.vary(make_chapter(vary=vary_by_hand), run)
    assert found["M2"].verdict == "not applicable" and found["M2"].agree == found["M2"].combinations


def test_other_images_are_as_many_and_none_of_the_published(tmp_path):
    run = open_small(tmp_path, "mixer")
    others = open_others(run)
    assert len(others.images) == len(run.images) and not set(others.images.indices) & set(run.images.indices)
    assert others.opened is None and others.images.sha256 != run.images.sha256


def test_without_enough_images_the_published_ones_vary_alone(tmp_path, monkeypatch):
    run = open_small(tmp_path, "mixer", n_seeds=2)
    monkeypatch.setattr(type(run), "load_models", lambda self: iter([]))
    monkeypatch.setattr(type(run.images.dataset), "__len__", lambda self: len(run.images) + 8)
    found, _ = robustness.vary(make_chapter(vary=vary_by_hand), run)
    assert {each.choices["images"] for each in found["M2"].outcomes} == {"first"}


def test_claims_on_cards_vary_once_and_each_training_is_told_alone(tmp_path):
    run = open_small(tmp_path, "convolution")
    run.examined, run.opened = False, CHAPTERS["convolution"].open(run)
    found, traced = robustness.vary(CHAPTERS["convolution"], run)
    assert list(found) == ["C4", "C5"] and set(traced["images"]) == {"first", "second"}
    for robust in found.values():
        assert [each.choices for each in robust.outcomes] == [{"scale": scale} for scale in SCALES]
        assert {len(each.alone) for each in robust.outcomes} == {3}


def vary_rows(loaded, run):
    """P1, which is of no model, and C5 of two trainings that no run loads: 0.2 and −0.2."""
    yield {"scale": "points"}, [{"C5": {("free",): np.array([constant(0.2), constant(-0.2)])}}] * 2
    every = {part.id: {(): constant(0.9)} for part in CLAIMS["P1"].parts}
    yield {"association": "best", "setting": "published"}, [every] * 2


def test_rows_of_a_term_are_trainings_and_what_is_of_no_model_has_none(tmp_path, monkeypatch):
    run = open_small(tmp_path, "mixer", n_seeds=2)
    monkeypatch.setattr(type(run), "load_models", lambda self: iter([]))
    found, _ = robustness.vary(make_chapter(vary=vary_rows), run)
    assert {each.alone for each in found["C5"].outcomes} == {("holds", "reversed")}
    assert found["C5"].outcome.parts["C5"][0] == pytest.approx(0)
    assert {each.alone for each in found["P1"].outcomes} == {()}


def test_other_images_are_changed_as_the_published_verdicts_ask(tmp_path):
    run = open_small(tmp_path, "intriguing_properties", n_conflicts=0)
    run.examined, run.opened = False, CHAPTERS["intriguing_properties"].open(run)
    found, _ = robustness.vary(CHAPTERS["intriguing_properties"], run)
    first, second = (found["I2"].only(images=images) for images in ("first", "second"))
    assert {(each.choices["holes"], each.choices["fill"]) for each in second} == {("shifted", "black")}
    assert len(first) == 4 * len(second) and {each.choices["kept"] for each in second} == set(WAYS)
    tiles = {images: found["I3"].only(images=images) for images in ("first", "second")}
    assert {image: {each.choices["tiles"] for each in of} for image, of in tiles.items()} == {
        "first": {"own", "near"},
        "second": {"own"},
    }
    assert "I4" not in found and "I6" not in found
