"""The chapter on clusters without labels: terms by hand, what cards lack, parameters that are refused."""

import numpy as np
import pytest
import torch

from seelike.chapters import contrastive_clustering, unlabelled
from seelike.chapters.answered import N_DRAWS, replicate_information
from seelike.chapters.contrastive_clustering import (
    CHAPTER,
    ContrastiveClustering,
    cluster_by_depth,
    read_cues_of_views,
)
from seelike.chapters.prepare import prepare
from seelike.chapters.unlabelled import (
    BOTH,
    KINDS,
    PATCHES,
    ROLE,
    UNTRAINED,
    Trainings,
    read_trainings,
    replicate_spread,
)
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.shapes import CUES, choose_cues
from seelike.measures.clusters import count_pairs, mutual_information
from seelike.models import bundled
from seelike.system.errors import InputError

FEW = {"n_images": 20, "batch_size": 10, "n_drawings": 80, "n_seeds": 2}


def open_few(folder, **changed):
    parameters = read_parameters(find_chapter("contrastive_clustering")) | FEW | changed
    return prepare(CHAPTER, **parameters | {"results_dir": str(folder)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_few(tmp_path_factory.mktemp("results"))


def make_trainings(**information: float) -> Trainings:
    """With known information of each kind, and gradients that spread more with patches."""
    known = {kind: np.full((2, N_DRAWS + 1), 0.5) for kind in (*KINDS, UNTRAINED)}
    known |= {kind: np.full((2, N_DRAWS + 1), value) for kind, value in information.items()}
    spreads = {PATCHES: np.full((2, 21), 0.7), BOTH: np.full((2, 21), 0.4)}
    return Trainings({kind: torch.zeros(2, 80, dtype=int) for kind in KINDS}, known, {}, spreads)


def test_terms_by_hand():
    terms = ContrastiveClustering({}, {}, make_trainings(**{BOTH: 0.9, UNTRAINED: 0.3, "ResNet": 0.95})).terms()
    effects = {part: sum(each[0, 0] for each in of.values()) for part, of in terms.items()}
    expected = {"V1": 0.6, "V2": -0.05, "V3a": 0.4, "V3b": 0.4, "V4": 0.4, "V5": 0.3}
    assert effects == pytest.approx(expected)
    assert ContrastiveClustering({}, {}, None).terms() == {}


def test_before_training_every_term_is_there_and_none_is_known():
    trained = make_trainings()
    terms, control = (ContrastiveClustering({}, {}, each).terms() for each in (trained, trained.forget()))
    assert control.keys() == terms.keys()
    for part, of in terms.items():
        assert control[part].keys() == of.keys() and all(np.isnan(each).all() for each in control[part].values())


def test_information_is_replicated_without_each_group_of_images():
    labels = torch.arange(80) % 10
    clusters = torch.where(torch.arange(80) < 30, labels, labels * 0)
    found = replicate_information(clusters, labels)
    assert found.shape == (41,) and found[0] == pytest.approx(mutual_information(count_pairs(clusters, labels)))
    assert found[3] == pytest.approx(
        mutual_information(count_pairs(*(torch.cat([e[:4], e[6:]]) for e in (clusters, labels))))
    )
    assert found[1] < found[0] < found[-1]


def test_the_spread_of_gradients_is_that_of_later_steps_whatever_their_size():
    norms = np.exp(np.random.default_rng(0).normal(size=(2, 400)))
    later = norms[:, 200:]
    spread = np.log(np.percentile(later, 90, axis=1) / np.median(later, axis=1))
    found = replicate_spread(norms, 50)
    assert found.shape == (2, 21) and found[:, 0] == pytest.approx(spread)
    np.testing.assert_allclose(replicate_spread(7 * norms, 50), found)
    np.testing.assert_allclose(replicate_spread(norms**2, 50), 2 * found, rtol=1e-3)
    without = np.delete(later, range(10, 20), axis=1)
    assert found[0, 2] == pytest.approx(np.log(np.percentile(without[0], 90) / np.median(without[0])))


def test_cards_are_read_for_the_drawings_and_trainings_that_are_asked_for(run):
    found, cards = read_trainings(run), bundled.read_manifest()
    assert found.clusters.keys() == KINDS.keys() and all(each.shape == (2, 80) for each in found.clusters.values())
    name = "vtcc_pocket_56.unlabelled_strokes_instance_seed1"
    assert "".join(map(str, found.clusters["images alone"][1].tolist())) == cards[name]["means"][:80]
    own = cards["vtcc_pocket_patchstem_56.unlabelled_strokes"]
    assert found.gradients[PATCHES][0].tolist() == own["curve"]["gradient"]
    assert "".join(map(str, found.clusters[PATCHES][0].tolist())) == own["answers"][:80]


def test_without_all_cards_there_is_nothing_to_compare(run, monkeypatch):
    cards = {name: card for name, card in bundled.read_manifest().items() if "resnet_56" not in name}
    monkeypatch.setattr(unlabelled.bundled, "read_manifest", lambda: cards)
    assert read_trainings(run) is None


def test_cues_are_those_of_the_drawings_that_the_cards_tell_of(run, monkeypatch):
    """A network whose clusters are the outlines, and one whose clusters are the hues."""
    cues = np.array([choose_cues(index, "test") for index in range(80)])
    name = "vtcc_pocket_56.unlabelled_shapes"
    cards = {name: 0, f"{name}_seed1": 0, f"{name}_colored": 2, f"{name}_colored_seed1": 2}
    told = {key: {"answers": "".join(map(str, cues[:, cue]))} for key, cue in cards.items()}
    monkeypatch.setattr(contrastive_clustering.bundled, "read_manifest", lambda: told)
    outlines, hues = read_cues_of_views(run).values()
    assert outlines[0] == pytest.approx(1) and hues[list(CUES).index("hue")] == pytest.approx(1)
    assert max(outlines[1:]) < 0.9 and max(hues[:2]) < 0.9


@pytest.fixture(scope="module")
def result(run):
    return run.record(*CHAPTER.measure_all(run))


def test_every_claim_is_measured_and_the_shipped_clusters_are_found_again(result):
    assert list(result.claims) == ["V1", "V2", "V3", "V4", "V5"]
    assert all(set(claim["trainings"].values()) == {2} for claim in result.claims.values())
    assert result.measures["found_again"][ROLE].values[0] > 0.9
    scores = result.measures["cluster_scores"]["strokes"]
    assert scores.values.shape == (10, 3, 2) and np.isfinite(scores.values).sum() == 3 * (2 * 7 + 3)
    found = result.measures["gradients"]
    assert found.keys() == {BOTH, PATCHES} and all(each.values.shape == (20, 2) for each in found.values())
    assert {"strokes", "dataset"} <= result.provenance.keys()


def test_of_untrained_models_nothing_but_clusters_by_depth_is_kept(result):
    assert {name for name in result.measures if name.endswith("_random")} == {"information_by_depth_random"}


def test_blocks_and_cues_are_those_of_both_models(result):
    depth, control = (result.measures[f"information_by_depth{kind}"] for kind in ("", "_random"))
    assert depth.keys() == control.keys() == {"vit", "cnn"} and depth["vit"].values.shape == (8,)
    kinds = result.measures["information_by_cue"]["shapes"].axes["clusters"]
    assert kinds == ["views of other colours", "views of the same colours", "vit", "cnn", "pixels", "colours"]


def test_there_are_no_clusters_by_depth_where_classes_are_not_known_or_too_many(run, monkeypatch):
    features = {role: {"blocks.0": torch.randn(20, 4)} for role in ("vit", "cnn")}
    assert cluster_by_depth(features, run).keys() == features.keys()
    monkeypatch.setattr(contrastive_clustering, "MOST_CLASSES", 3)
    assert cluster_by_depth(features, run) == {}
    monkeypatch.undo()
    monkeypatch.setattr(type(run), "read_classes", lambda self: None)
    assert cluster_by_depth(features, run) == {}


def test_without_a_model_that_learned_without_labels_there_is_no_claim(tmp_path):
    run = open_few(tmp_path, **{ROLE: ""})
    found = next(CHAPTER.measure(run.load_models(), run))
    assert (
        found.trainings is None
        and found.terms() == {}
        and set(found.arrays())
        == {
            "information_by_depth",
            "information_by_cue",
        }
    )


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_drawings": 2001}, "n_drawings must be at most 2000, not 2001"),
        ({"n_drawings": 10}, "n_drawings must be 40 or more, not 10"),
        ({"steady_from": 95}, "steady_from must be at most 90, not 95"),
        ({ROLE: "vtcc_pocket_patchstem_56.unlabelled_strokes"}, "has no weights"),
    ],
)
def test_what_cannot_be_used_is_refused(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        open_few(tmp_path, **changed)


def test_the_other_measure_of_spread_minds_no_scale_and_its_tails_more(generator):
    norms = np.exp(np.random.default_rng(0).normal(size=(2, 400)))
    found = replicate_spread(norms, 0, "deviation")
    assert found.shape == (2, 21) and found[:, 0] == pytest.approx(np.log(norms).std(1))
    np.testing.assert_allclose(replicate_spread(3 * norms, 0, "deviation"), found)
    norms[:, :5] *= 1_000
    assert (replicate_spread(norms, 0, "deviation")[:, 0] > 1.2 * found[:, 0]).all()
    assert not replicate_spread(np.ones((2, 400)), 0, "deviation").any()
