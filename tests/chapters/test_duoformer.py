"""The chapter on attention across scales: terms by hand, what cards lack, what the model shows, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

from seelike.chapters.answered import N_DRAWS
from seelike.chapters.duoformer import CHAPTER, COMPARED, Opened, ScalesMixed, look, measure_controls, vary_runs
from seelike.chapters.prepare import prepare
from seelike.chapters.scale_trainings import KINDS, ROLE, label_accuracies, read_accuracies
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images import datasets
from seelike.models import bundled
from seelike.models.recipes import DUOFORMERS, FROZEN, NEW_HEAD
from seelike.system.errors import InputError

NAME, BACKBONE = "duoformer_pocket_56.frozen_strokes", "resnet_pocket.shapes"
FEW = {"n_images": 20, "batch_size": 10, "n_drawings": 80, "n_seeds": 2, "n_probe_images": 0, ROLE: ""}


def open_few(folder, **changed):
    parameters = read_parameters(find_chapter("duoformer")) | FEW | changed
    return prepare(CHAPTER, **parameters | {"results_dir": str(folder)})


@pytest.fixture
def run(tmp_path):
    """As if the model in the role had weights to be loaded."""
    made = open_few(tmp_path)
    strokes = datasets.choose_first(datasets.open_images("strokes", split="test"), 80, "n_drawings")
    made.opened, made.parameters = Opened(None, strokes), made.parameters | {ROLE: NAME}
    return made


def make_cards(**right: int) -> dict[str, dict]:
    """Of three trainings of every kind cards in which so many of the first 80 answers are right, of others 40."""
    classes = "".join(str(number % 10) for number in range(100))
    cards = {}
    for name in FROZEN.recipes():
        kind = next(kind for kind, design in KINDS.items() if name.startswith(f"duoformer_pocket_{design}56."))
        n = right.get(KINDS[kind].rstrip("_") or "full", 40)
        answers = "".join(c if i < n else str((int(c) + 1) % 10) for i, c in enumerate(classes))
        cards[name] = {"answers": answers, "classes": classes, "parameters": 7}
    return cards


@pytest.fixture
def cards(monkeypatch):
    """The cards that are read: those of `make_cards`, to be changed, and that of the backbone."""
    known = make_cards(full=72, onescale=60, noise=56, mean=64, scaleonly=48, patchonly=68, freetoken=72, newhead=76)
    known[BACKBONE] = bundled.read_manifest()[BACKBONE]
    monkeypatch.setattr(bundled, "read_manifest", lambda: known)
    return known


def test_kinds_are_all_designs_that_are_trained():
    assert {*KINDS.values()} == {*DUOFORMERS, NEW_HEAD}
    assert {kind for signs in COMPARED.values() for kind in signs} < KINDS.keys()


def test_terms_by_hand(run, cards):
    terms = ScalesMixed({}, accuracies=read_accuracies(run, "strokes")).terms()
    effects = {part: sum(each[:, 0].mean() for each in of.values()) for part, of in terms.items()}
    expected = {"F1a": 12, "F1b": 16, "F2": 8, "F3a": 24, "F3b": 4, "F4": 0, "F5": -4}
    assert effects == pytest.approx({part: points / 80 for part, points in expected.items()})
    assert all(each.shape == (2, N_DRAWS + 1) for of in terms.values() for each in of.values())


def test_on_the_near_task_only_the_last_claim_is_known(run, cards):
    terms = ScalesMixed({}, accuracies=read_accuracies(run, "regrouped")).terms()
    assert list(terms) == ["F5"]


def test_a_design_without_cards_leaves_out_what_it_is_compared_for(run, cards):
    for name in [name for name in cards if "_mean_" in name]:
        del cards[name]
    assert "F2" not in ScalesMixed({}, accuracies=read_accuracies(run, "strokes")).terms()
    accuracy = label_accuracies(run)["accuracy"]["strokes"]
    assert "mean of a patch's tokens" not in accuracy.axes["design"] and "DuoFormer" in accuracy.axes["design"]
    cards.clear()
    assert label_accuracies(run) == {} and ScalesMixed({}, accuracies=read_accuracies(run, "strokes")).terms() == {}


def test_accuracies_are_told_training_by_training_with_intervals_and_sizes(run, cards):
    all_right = make_cards(onescale=80)
    name = "duoformer_pocket_onescale_56.frozen_strokes_seed1"
    cards[name] = all_right[name]
    found = label_accuracies(run)
    trainings, intervals = (found[name]["strokes"] for name in ("accuracy", "accuracy_interval"))
    row = trainings.axes["design"].index("one scale")
    assert trainings.values[row].tolist() == [0.75, 1.0]
    mean, low, high = intervals.values[row]
    assert mean == pytest.approx(0.875) and low < 0.8 and high > 0.95
    assert found["accuracy"]["regrouped"].axes["design"] == ["DuoFormer", "backbone with a new head"]
    assert set(found["trained_parameters"][ROLE].values) == {7}


def test_weights_from_a_file_are_in_no_card(run, cards):
    run.parameters = run.parameters | {f"{ROLE}_checkpoint": "mine.safetensors"}
    assert read_accuracies(run, "strokes") == {} == label_accuracies(run)


def test_what_the_model_shows_is_of_the_drawings_that_the_card_tells_of(run, cards):
    model = timm.create_model("duoformer_pocket_56", seed=0).eval()
    found = look({ROLE: model}, run)
    assert found["scale_attention"][ROLE].values.shape == (2, 4, 2, 3)
    assert {name: each.values.shape for name, each in found["stages"].items()} == {
        "drawing": (56, 56),
        "7 × 7": (7, 7),
        "14 × 14": (14, 14),
    }
    with torch.no_grad():
        images = torch.stack([run.transforms({ROLE: model})[ROLE](run.opened.strokes[i][0]) for i in range(80)])
        answers = model(images).argmax(1).tolist()
    told = [int(digit) for digit in cards[NAME]["answers"][:80]]
    assert found["found_again"][ROLE].values[0] == pytest.approx(np.mean(np.array(answers) == told))
    coarse = model.scale_tokens(images[8:9])[0]
    np.testing.assert_allclose(found["stages"]["7 × 7"].values.flatten(), coarse.mean(-1)[0, :, 0], atol=1e-3)
    assert look({}, run) == {} == look({ROLE: timm.create_model("duoformer_pocket_newhead_56")}, run)


def test_before_training_every_term_is_there_and_none_is_known(run, cards):
    models = {"cnn": timm.create_model("resnet_pocket"), ROLE: timm.create_model("duoformer_pocket_56").eval()}
    control = next(measure_controls([models], run))
    assert set(control.arrays()) == {"scale_attention"} and control.terms().keys() == COMPARED.keys()
    assert all(np.isnan(each).all() for of in control.terms().values() for each in of.values())


def test_claims_vary_by_scale_where_images_are_the_published_ones(run, cards):
    universes = list(vary_runs([], run))
    assert [choices["scale"] for choices, _ in universes] == ["points", "odds", "errors"]
    effects = [sum(each[0, 0] for each in terms[0]["F1a"].values()) for _, terms in universes]
    assert effects[0] == pytest.approx(0.15) and len(set(np.round(effects, 3))) == 3 and min(effects) > 0
    assert list(vary_runs([], replace(run, opened=None))) == []


def test_without_duoformer_stages_are_probed_and_there_is_no_claim(tmp_path):
    run = open_few(tmp_path, n_probe_images=1500, n_seeds=1)
    found = next(CHAPTER.measure([{"cnn": timm.create_model("resnet_pocket").eval()}], run))
    assert set(found.arrays()) == {"probe_accuracy"} and found.terms() == {}
    assert found.arrays()["probe_accuracy"]["cnn"].values.shape == (4,)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_drawings": 2001}, "n_drawings must be at most 2000, not 2001"),
        ({"n_drawings": 10}, "n_drawings must be 40 or more, not 10"),
        ({"new_task": "stroke"}, "new_task must be one of strokes, regrouped, not 'stroke'"),
        ({ROLE: "vit_pocket_patch8_56.shapes"}, f"{ROLE} must be a DuoFormer of this book's, .*not 'vit_pocket_p"),
        ({ROLE: "duoformer_pocket_mean_56.frozen_strokes"}, "has no weights"),
        ({"n_probe_images": 500}, "n_probe_images must give two classes or more, and each at least 110"),
    ],
)
def test_what_cannot_be_used_is_refused(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        open_few(tmp_path, **changed)
