"""From terms to the entries of a result: by hand, for one and for several trainings, trained and untrained."""

from dataclasses import replace

import numpy as np
import pytest

from seelike.chapters import verdicts
from seelike.chapters.verdicts import weigh
from seelike.measures.intervals import combine, jackknife
from seelike.results.claims import Claim, Part

ONE = Part("Q1", "what is said", "CKA", smallest=0.2, reason="a test")
CLAIM = Claim("Q1", "none", "Something.", "it", "text", "minibatches of images", "nothing", (ONE,))
NAMES = [{"vit": "a", "cnn": "c"}, {"vit": "b", "cnn": "c"}]


class Found:
    def __init__(self, terms: dict):
        self.terms = lambda: terms


def replicate(mean: float, seed: int = 0) -> np.ndarray:
    values = mean + 0.01 * np.random.default_rng(seed).standard_normal(10)
    return jackknife(10, lambda chosen: values[chosen].mean())


def judge(monkeypatch, claim: Claim, trained: list, control: list, names=NAMES[:1], has_resnet=True) -> dict:
    monkeypatch.setattr(verdicts, "CLAIMS", {claim.id: claim})
    return weigh([Found(each) for each in trained], [Found(each) for each in control], names, has_resnet)


def test_an_effect_its_control_and_what_training_changes(monkeypatch):
    """Control and trained models saw the same images, so that their difference is known better than either."""
    trained, control = {"Q1": {("vit",): replicate(0.5)}}, {"Q1": {("vit",): replicate(0.1)}}
    entry = judge(monkeypatch, CLAIM, [trained], [control])["Q1"]
    part = entry["parts"]["Q1"]
    assert (entry["verdict"], entry["control_verdict"], entry["covers"]) == ("holds", "weak", "images")
    assert part["training"] == pytest.approx(0.4) and part["training_interval"] == pytest.approx([0.4, 0.4])
    assert part["interval"][0] < part["effect"] < part["interval"][1]
    assert part["p"] < 1e-6 and part["p_sign"] < part["p"]


def test_seeds_of_a_model_widen_its_term_alone(monkeypatch):
    vit, cnn = [replicate(0.5, 1), replicate(0.9, 2)], -replicate(0.1, 3)
    runs = [{"Q1": {("vit",): each, ("cnn",): cnn}} for each in vit]
    entry = judge(monkeypatch, CLAIM, runs, runs, NAMES)["Q1"]
    expected = combine({("vit",): vit, ("cnn",): [cnn]})
    assert entry["parts"]["Q1"]["interval"] == pytest.approx([expected.low, expected.high])
    assert entry["trainings"] == {"vit": 2, "cnn": 1} and entry["covers"] == "images"
    assert entry["parts"]["Q1"]["training_interval"] == pytest.approx([0, 0])


def test_only_what_all_models_were_trained_for_covers_trainings(monkeypatch):
    names = [{"vit": "a", "cnn": "c"}, {"vit": "b", "cnn": "d"}]
    runs = [{"Q1": {("vit",): replicate(0.5, i), ("cnn",): replicate(0.5, 7 + i)}} for i in range(2)]
    assert judge(monkeypatch, CLAIM, runs, runs, names)["Q1"]["covers"] == "images and trainings"


def test_a_claim_is_as_good_as_its_worst_half(monkeypatch):
    halves = replace(CLAIM, parts=(replace(ONE, id="Q1a"), replace(ONE, id="Q1b", smallest=-0.2)))
    found = {"Q1a": {("vit",): replicate(0.5)}, "Q1b": {("vit",): replicate(0.5)}}
    entry = judge(monkeypatch, halves, [found], [found])["Q1"]
    assert [part["verdict"] for part in entry["parts"].values()] == ["holds", "reversed"]
    assert entry["verdict"] == "reversed"


def test_a_half_that_was_not_measured_leaves_the_claim_out(monkeypatch):
    halves = replace(CLAIM, parts=(replace(ONE, id="Q1a"), replace(ONE, id="Q1b")))
    assert judge(monkeypatch, halves, [{"Q1a": {("vit",): replicate(0.5)}}], [{}]) == {}


def test_what_says_something_of_resnets_does_not_apply_to_another_cnn(monkeypatch):
    found, claim = {"Q1": {("cnn",): replicate(0.5)}}, replace(CLAIM, of_resnets=True)
    entry = judge(monkeypatch, claim, [found], [found], has_resnet=False)["Q1"]
    assert entry["verdict"] == entry["control_verdict"] == "not applicable"
    assert entry["parts"]["Q1"]["effect"] == pytest.approx(found["Q1"]["cnn",][0])
    assert judge(monkeypatch, claim, [found], [found])["Q1"]["verdict"] == "holds"


def test_a_control_that_is_fixed_by_construction_has_no_verdict(monkeypatch):
    claim = replace(CLAIM, constructed="they are one")
    entry = judge(monkeypatch, claim, [{"Q1": {("vit",): replicate(0.5)}}], [{"Q1": {("vit",): np.zeros(11)}}])["Q1"]
    assert (entry["verdict"], entry["control_verdict"]) == ("holds", "not applicable")


def test_an_effect_of_no_model_of_the_run_counts_once_and_covers_what_its_claim_says(monkeypatch):
    claim = replace(CLAIM, covers="kernels", constructed="nothing is learned")
    runs = [{"Q1": {(): replicate(0.5)}}, {"Q1": {(): replicate(0.5)}}]
    control = [{"Q1": {(): np.full(11, np.nan)}}] * 2
    entry = judge(monkeypatch, claim, runs, control, NAMES)["Q1"]
    expected = combine({(): [replicate(0.5)]})
    assert entry["parts"]["Q1"]["interval"] == pytest.approx([expected.low, expected.high])
    assert (entry["verdict"], entry["covers"], entry["trainings"]) == ("holds", "kernels", {})
    assert entry["parts"]["Q1"]["control"] is None and entry["control_verdict"] == "not applicable"


def test_trainings_that_no_run_loads_stand_in_one_term(monkeypatch):
    several = np.array([replicate(0.5, 1), replicate(0.9, 2)])
    terms = {"Q1": {("answered",): several, ("vit",): replicate(0.1, 3)}}
    entry = judge(monkeypatch, CLAIM, [terms, terms], [terms, terms], [{"vit": "a"}, {"vit": "b"}])["Q1"]
    expected = combine({("answered",): several, ("vit",): [replicate(0.1, 3)] * 2})
    assert entry["trainings"] == {"answered": 2, "vit": 2} and entry["covers"] == "images and trainings"
    assert entry["parts"]["Q1"]["interval"] == pytest.approx([expected.low, expected.high])
