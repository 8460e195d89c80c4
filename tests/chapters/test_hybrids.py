"""Systems between a ViT and a CNN: ends and twins at their places, what one lacks, roles, refusals."""

import numpy as np
import pytest

from seelike.chapters import hybrids
from seelike.chapters.hybrids import CHAPTER, label_estimates, measure_runs
from seelike.chapters.prepare import prepare
from seelike.chapters.probe_images import even_and_odd
from seelike.chapters.rehearsal import rehearse
from seelike.chapters.traits import ALIKE, EARLY, LOCAL, SKIPS, STAGED, TRAITS, UNIFORM
from seelike.compatibility.families import load_member, perform
from seelike.compatibility.members import Family
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.depth_match import equal_depth_cka
from seelike.measures.intervals import Estimate
from seelike.models.listed import check_listed
from seelike.system.errors import InputError

FEW = {"n_images": 40, "batch_size": 5, "n_probe_images": 0, "n_seeds": 2}
VTCC, HLG = "vtcc_pocket_56.unlabelled_strokes", "hlg_pocket_56.dense_shapes=random"
VIT, CNN = "vit_pocket_patch8_56.shapes", "resnet_pocket.shapes"


def open_few(folder, systems: str, **changed):
    parameters = read_parameters(find_chapter("hybrids")) | FEW | {"systems": systems} | changed
    return prepare(CHAPTER, **parameters | {"results_dir": str(folder)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return open_few(tmp_path_factory.mktemp("results"), f"{VTCC} {HLG}")


@pytest.fixture(scope="module")
def result(run):
    return run.record(*CHAPTER.measure_all(run))


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Both ends as systems."""
    run = open_few(tmp_path_factory.mktemp("ends"), f"{VIT} {CNN}", n_seeds=1)
    return next(measure_runs(run.load_models(), run, None)).arrays()


def find(array, *labels) -> np.ndarray:
    """The values of an array at a label of each of its first axes."""
    for name, label in zip(array.axes, labels, strict=False):
        array = array.__class__(
            {k: v for k, v in array.axes.items() if k != name}, array.values[array.axes[name].index(label)]
        )
    return array.values


def test_a_system_that_is_an_end_stands_there(ends):
    for system, expected in ((VIT, 1), (CNN, 0)):
        known = {trait: find(ends["place"][system], trait) for trait in (ALIKE, UNIFORM, SKIPS, LOCAL)}
        known = {trait: values for trait, values in known.items() if not np.isnan(values).any()}
        assert {ALIKE, SKIPS} <= known.keys()  # by the others few images may not tell the ends apart
        np.testing.assert_allclose([*known.values()], expected, atol=1e-6)


def test_place_and_scores_agree(result):
    for system, scores in result.measures["score"].items():
        for trait in TRAITS:
            s, v, c = (find(scores, role, trait)[0] for role in (system, "vit", "cnn"))
            place = find(result.measures["place"][system], trait)[0]
            assert np.isnan(place) or place == pytest.approx((s - c) / (v - c), abs=1e-4), trait


def test_of_cka_at_equal_depth_the_ends_are_these_models_by_hand(ends):
    cka = {key: equal_depth_cka(array.values) for key, array in ends["cka"].items()}
    assert cka["vit"] == pytest.approx(1) and cka[f"{VIT}_vit"] == pytest.approx(1)
    assert find(ends["score"][VIT], "vit", ALIKE)[0] == pytest.approx(1 - cka["vit_cnn"], abs=1e-6)
    assert find(ends["score"][VIT], "cnn", ALIKE)[0] == pytest.approx(cka["vit_cnn"] - 1, abs=1e-6)
    assert find(ends["equal_depth_cka"][CNN], "vit")[0] == pytest.approx(cka["vit_cnn"], abs=1e-6)
    assert "twin_place" not in ends  # one training of each


def test_twins_stand_between_the_end_and_the_middle(result):
    twins = {role: float(array.values[0]) for role, array in result.measures["twin_place"].items()}
    assert 0.5 < twins["vit"] < 1 and 0 < twins["cnn"] < 0.5


def test_what_one_system_lacks_is_said_and_stops_no_other(result):
    said = {system: dict(zip(array.values.astype(int), array.axes["reason"], strict=True))
            for system, array in result.measures["unmeasured"].items()}  # fmt: skip
    number = {trait: i for i, trait in enumerate((*TRAITS, hybrids.ATTENTION))}
    assert said[VTCC][number[STAGED]] == f"{VTCC} has 4 blocks, too few for 3 boundaries between stages"
    assert said[HLG][number[SKIPS]].startswith(f"{HLG} must be a model of residual blocks")
    assert said[HLG][number[hybrids.ATTENTION]].startswith(f"{HLG} must be a ViT, whose attention weights")
    assert said[VTCC].keys() == {number[STAGED], number[EARLY]}
    assert said[HLG].keys() == {number[SKIPS], number[EARLY], number[hybrids.ATTENTION]}
    assert "n_probe_images" in said[VTCC][number[EARLY]]
    for system, missing in said.items():
        places = result.measures["place"][system]
        assert all(np.isnan(find(places, TRAITS[i])).all() for i in missing if i < len(TRAITS))
    assert not np.isnan(find(result.measures["place"][VTCC], SKIPS)).any()


def test_arrays_are_of_all_models_and_no_claim_is_judged(result):
    assert result.claims == {}
    assert list(result.measures["cka"]) == ["vit", "cnn", "vit_cnn", VTCC, f"{VTCC}_vit", f"{VTCC}_cnn", HLG,
                                            f"{HLG}_vit", f"{HLG}_cnn"]  # fmt: skip
    assert result.measures["cka"][f"{VTCC}_cnn"].values.shape == (4, 10)
    assert result.measures["cka"][HLG].boundaries == [2, 4]
    assert result.measures["attention_distance"].keys() == {"vit", VTCC}
    assert result.measures["norm_ratio"].keys() == {"vit", "cnn", VTCC}
    assert len(result.measures["norm_ratio"]["cnn"].values) == 7  # ten blocks, three of which change the grid
    assert result.measures["localization_score"].keys() == {"vit", "cnn", VTCC, HLG}
    assert all(f"{measure}_random" in result.measures for measure in ("place", "score", "cka"))


def test_random_weights_are_their_own_control(result):
    models = result.provenance["models"]
    assert models[HLG]["origin"] == "random" and models[HLG]["state_sha256"] == models[f"{HLG}_random"]["state_sha256"]
    trained, untrained = (result.measures[f"cka{random}"][HLG].values for random in ("", "_random"))
    np.testing.assert_array_equal(trained, untrained)
    assert models[VTCC]["state_sha256"] != models[f"{VTCC}_random"]["state_sha256"]


def test_the_parameter_is_kept_with_whole_names(result, tmp_path):
    assert result.parameters["systems"] == f"{VTCC} {HLG}"
    assert open_few(tmp_path, "vtcc_pocket_56").parameters["systems"] == VTCC


def test_all_trainings_of_both_ends_take_part_and_probes_are_of_the_first(run):
    loaded = list(run.load_models())
    found = next(measure_runs(loaded, run, even_and_odd(run))).traits
    assert {role: len(models) for role, models in found.models.items()} == {"vit": 2, "cnn": 2, VTCC: 1, HLG: 1}
    assert found.curves.keys() == {"vit", "cnn", VTCC, HLG} and found.chance == 0.5
    assert found._score(UNIFORM, "vit", VTCC).shape == (2, 9) and found._score(EARLY, "vit", VTCC).shape[0] == 1


def test_without_a_system_both_ends_are_still_compared():
    found = perform("hybrids", "vit", load_member(Family("Bundled", "vit_pocket_patch8_56"))).arrays()
    assert found["cka"].keys() == {"vit", "cnn", "vit_cnn"} and "place" not in found


def test_an_end_that_lacks_a_trait_leaves_it_out_for_all():
    """The tokens of Hiera have no known places."""
    hiera, places = load_member(Family("Hiera", "hiera_tiny_224", 96, 96)), []
    images = run_on_drawings(hiera)
    for models in ({"vit": hiera, "cnn": images[1]}, {"vit": images[0], "cnn": hiera}):
        found = next(measure_runs([models | {"own": images[0]}], images[2], None))
        places.append(found._places["own"])
    assert all("another order than row by row" in each[LOCAL] for each in places)
    assert all(isinstance(each[UNIFORM], Estimate) for each in places)


def run_on_drawings(member):
    """A ViT and a CNN, and a run of 16 drawings that shows them and a member what each takes."""
    from seelike.chapters.run import Run
    from seelike.compatibility.families import PARAMETERS, _load_bundled
    from seelike.images import datasets

    images = datasets.choose(datasets.open_images("shapes"), 16, seed=0)
    bundled = _load_bundled()
    return bundled["vit"], bundled["cnn"], Run("hybrids", PARAMETERS | {"batch_size": 8}, images, "cpu", started=0.0)


def test_a_rehearsal_has_no_interval_and_no_place(run):
    found = rehearse(CHAPTER, run, run.load_first_random()).arrays()
    assert np.isnan(found["place"][VTCC].values).all()
    assert not np.isnan(found["score"][VTCC].values[..., 0]).all()


def test_estimates_are_labelled_and_what_is_none_is_not_a_number():
    array = label_estimates("place", {"trait": ["a", "b"]}, [Estimate(1.0, 0.5, 2.0), "there is none"])
    assert array.axes == {"trait": ["a", "b"], "value": ["place", "low", "high"]}
    np.testing.assert_array_equal(array.values, [[1, 0.5, 2], [np.nan] * 3])


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"systems": ""}, "systems must name one model or more"),
        ({"systems": "crossvit_tiny_240=random", "image_size": 0}, "crossvit_tiny_240=random .*returns 2 tensors"),
        ({"systems": VTCC, "geometry": VTCC}, "geometry must be one of vit, cnn, own"),
    ],
)
def test_what_cannot_be_used_is_refused(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        open_few(tmp_path, **changed)


def test_a_system_of_few_blocks_is_refused_by_its_name():
    with pytest.raises(InputError, match="^system must have at least 3 blocks to compare, not 2"):
        perform("hybrids", "system", shorten(load_member(Family("Bundled", "vit_pocket_patch8_56"))))


def shorten(vit):
    vit.blocks = vit.blocks[:2]
    return vit


def test_the_page_names_systems_that_there_are():
    assert check_listed(read_parameters(find_chapter("hybrids"))["systems"])
