"""The chapter on dense prediction: terms by hand, what images cannot tell, what a run keeps, parameters refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seelike.chapters import dense_prediction, pyramids
from seelike.chapters.dense_prediction import CHAPTER, GAP, N_LABELS, TRUTH, DensePrediction, find_grid, find_scene
from seelike.chapters.labelled import BOTH, DESIGNS, Labelled
from seelike.chapters.prepare import prepare
from seelike.chapters.pyramids import Pyramids, forget_pyramids, see_pyramids
from seelike.chapters.verdicts import weigh
from seelike.compatibility.families import load_member, perform
from seelike.compatibility.members import Family
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.shapes import OUTLINES, draw
from seelike.measures.segmentation import Segmentation
from seelike.models import hlg
from seelike.system.errors import InputError

FEW = {"n_images": 32, "batch_size": 8, "n_field_images": 9, "n_seeds": 2}


def open_few(folder, **changed):
    parameters = read_parameters(find_chapter("dense_prediction")) | FEW | changed
    return prepare(CHAPTER, **parameters | {"results_dir": str(folder)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_few(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def result(run):
    return run.record(*CHAPTER.measure_all(run))


def make_segmentation(*right: int) -> Segmentation:
    """A block for each number: of ten patches of each of two labels so many are right, in every fold."""
    counts = {str(i): np.stack([np.array([[r, 10 - r], [10 - r, r]])] * 10) for i, r in enumerate(right)}
    return Segmentation(counts, torch.zeros(0), counts[str(len(right) - 1)])


def test_terms_by_hand():
    models = {"vit": make_segmentation(5, 5, 10), "cnn": make_segmentation(5, 8), GAP: make_segmentation(0, 0, 9)}
    seen = Pyramids({}, {hlg.FULL: np.full((2, 10), 0.9), hlg.LOCAL: np.full((2, 10), 0.6)})
    terms = DensePrediction(models, None, None, None, seen).terms()
    effects = {part: sum(np.ravel(each)[0] for each in of.values()) for part, of in terms.items()}
    expected = {"H1a": 1 - 8 / 12, "H1b": 9 / 11 - 8 / 12, "H2": 1 - 5 / 15, "H6": 0, "H3": 0.3}
    assert effects == pytest.approx(expected)
    without = DensePrediction({"vit": models["vit"], "cnn": models["cnn"]}, None, None, None, None).terms()
    assert without.keys() == {"H2", "H6"}


def test_a_scene_is_what_the_drawings_know(run):
    scene = find_scene(run, run.load_first_random())
    first = draw(run.images.indices[0])
    assert np.array_equal(scene.masks[0].numpy(), first.mask) and scene.objects[0] == first.outline
    assert scene.masks.shape == (32, 56, 56) and len(OUTLINES) == N_LABELS - 1


def test_the_grid_is_the_coarsest_of_all():
    forms = {"a": (14, 7), "b": (7, 9)}
    cast = SimpleNamespace(models=forms, ask=lambda role, question: forms[role])
    assert find_grid(cast) == (7, 7)


def test_every_claim_is_measured_from_every_training(result, run):
    told = {part[:2] for part in run.opened.terms()} if run.opened else set()  # H4 and H5, as far as cards tell
    assert list(result.claims) == ["H1", "H2", "H3", *sorted(told), "H6"]
    for name, claim in result.claims.items():
        assert set(claim["trainings"].values()) <= ({1, 2} if name in ("H4", "H5") else {2})  # what cards tell of
    assert result.claims["H3"]["control_verdict"] == "not applicable"
    assert result.claims["H3"]["parts"]["H3"]["interval"][0] is not None


def test_arrays_are_of_all_blocks_of_the_first_run(result):
    miou, control = result.measures["miou"], result.measures["miou_random"]
    assert {role: len(each.values) for role, each in miou.items()} == {"vit": 8, "cnn": 10, GAP: 8}
    assert control.keys() == miou.keys() and all(
        0 <= each.values.min() <= each.values.max() <= 1 for each in miou.values()
    )
    assert result.measures["miou_together"].keys() == {"vit"}
    answers = result.measures["miou_floor"]["patches"]
    assert answers.axes["answer"] == ["raw patches", "ground everywhere"]
    assert answers.values[1] < 1 / 3


def test_what_cards_of_trainings_say_is_judged_and_vanishes_before_training(run):
    unknown = {name: np.full((2, 12), 0.5) + 0.01 * np.arange(12) for name in DESIGNS}
    scores = {labels: unknown | {BOTH: unknown[BOTH] + 0.3} for labels in ("patches", "pixels", "classes")}
    found = DensePrediction({}, None, None, None, None, Labelled(scores))
    untrained = DensePrediction({}, None, None, None, None, found.labelled.forget())
    claims = weigh([found] * 2, [untrained] * 2, [{}, {}], has_resnet=True)
    assert list(claims) == ["H4", "H5"]
    for claim in claims.values():
        assert (claim["verdict"], claim["control_verdict"]) == ("holds", "not applicable")
        assert claim["covers"] == "images and trainings" and set(claim["trainings"].values()) == {2}
        assert all(part["control"] is None for part in claim["parts"].values())


def test_trainings_are_compared_where_images_are_drawings_alone(run, tmp_path, monkeypatch):
    monkeypatch.setattr(dense_prediction, "read_labelled", lambda n_seeds: n_seeds)
    assert CHAPTER.open(run) == FEW["n_seeds"] and open_few(tmp_path, dataset="strokes").opened is None


def test_examples_are_test_images_and_their_patches(run, result):
    shown = result.measures["patches"]
    assert shown.keys() == {TRUTH, "vit", "cnn", GAP}
    for number, values in zip(shown[TRUTH].axes["image"], shown[TRUTH].values, strict=True):
        drawing = draw(run.images.indices[number])
        assert set(np.unique(values)) <= {0, 1 + drawing.outline} and values.max() == 1 + drawing.outline
    assert all(each.values.min() >= 0 and each.values.max() < N_LABELS for each in shown.values())


def test_fields_are_of_both_designs_and_all_layers(result):
    fields = result.measures["receptive_field"]
    assert fields.keys() == {hlg.FULL, hlg.LOCAL}
    assert all(each.axes["layer"] == hlg.list_layers() for each in fields.values())
    assert "receptive_field_random" not in result.measures


def test_what_is_found_of_pyramids_hangs_on_seed_and_images_alone(run):
    radii = see_pyramids(run).radii
    assert radii[hlg.FULL].shape == forget_pyramids(run).radii[hlg.FULL].shape == (2, 10)
    alone = pyramids.see_layers(run, hlg.FULL, 1, [hlg.end_of_first_stage()])
    assert radii[hlg.FULL][1, 0] == pytest.approx(alone.radii()[0])
    assert radii[hlg.FULL][0, 0] != radii[hlg.FULL][1, 0]


def test_where_nobody_knows_what_images_show_only_pyramids_are_measured(tmp_path):
    run = open_few(tmp_path, dataset="strokes")
    result = run.record(*CHAPTER.measure_all(run))
    assert list(result.claims) == ["H3"] and "miou" not in result.measures and "patches" not in result.measures


def test_a_model_that_several_runs_share_is_probed_once(tmp_path, monkeypatch):
    run, probed = open_few(tmp_path, **{GAP: ""}), []
    segment = dense_prediction.segment_models
    monkeypatch.setattr(
        dense_prediction,
        "segment_models",
        lambda models, *of, **how: probed.extend(models) or segment(models, *of, **how),
    )
    loaded = list(run.load_models())
    both = [loaded[0], loaded[1] | {"cnn": loaded[0]["cnn"]}]
    found = list(dense_prediction.probe_runs(both, run))
    assert probed == ["vit", "cnn", "vit"] and found[1].models["cnn"] is found[0].models["cnn"]
    assert [len(each.models["vit"].counts) for each in found] == [8, 8]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_field_images": 33}, "n_field_images must be at most 32"),
        ({"vit": "vit_pocket_dense_56"}, "vit_pocket_dense_56.dense_shapes has no weights"),
    ],
)
def test_what_cannot_be_used_is_refused(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        open_few(tmp_path, **changed)


def test_a_model_whose_tokens_have_no_known_place_is_refused():
    with pytest.raises(InputError, match="vit.*another order than row by row"):
        perform("dense_prediction", "vit", load_member(Family("Hiera", "hiera_tiny_224", 96, 96)))
