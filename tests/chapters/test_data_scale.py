"""The chapter's measures together, on small models: what they give, leave out, and refuse."""

import numpy as np
import pytest
from torch.utils.data import Subset

from seelike.activations.attention import Grid
from seelike.chapters import data_scale
from seelike.chapters.data_scale import OPTIONAL, DataScale, open_tasks
from seelike.chapters.prepare import open_run
from seelike.chapters.probe_images import ProbeImages
from seelike.chapters.verdicts import judge
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.datasets import open_images, read_labels
from seelike.measures.attention_distance import AttentionDistance
from seelike.measures.block_probes import ProbeCurve
from seelike.measures.probes import choose_folds
from seelike.models import bundled
from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.tables.data_scale import phrases

LITTLE = "vit_pocket_patch8_56.shapes_3pct"
NONE = dict.fromkeys(OPTIONAL, "")


def make_run(folder="results", **changed):
    small = {"n_images": 40, "batch_size": 8, "n_seeds": 1}
    parameters = read_parameters(find_chapter("data_scale")) | small | changed | {"results_dir": str(folder)}
    return open_run(data_scale.CHAPTER, **parameters)


def few(dataset: str) -> ProbeImages:
    """Enough drawings for five draws of two a class."""
    images = Subset(open_images(dataset, split="test"), range(150))
    labels = read_labels(images)
    return ProbeImages(images, labels, choose_folds(labels, n_draws=5, shots=2), None)


@pytest.fixture(scope="module")
def tasks():
    return {"probe": few("shapes"), "transfer": few("strokes")}


def curve(*accuracy) -> ProbeCurve:
    return ProbeCurve(tuple(f"blocks.{i}" for i in range(len(accuracy))), np.tile(accuracy, (6, 1)))


def test_gives_every_claim_with_its_arrays_and_d4_for_every_seed(tmp_path, tasks):
    run = make_run(tmp_path, n_seeds=2, vit_10pct="")
    trained = list(data_scale.measure_runs(run.load_models(), run, tasks))
    assert [list(found.estimates(0)) for found in trained] == [["D1", "D2", "D3", "D4", "D5", "D6"], ["D4"]]
    result = Result.load(run.record(trained, trained).save(tmp_path))
    assert {claim: entry["runs"] for claim, entry in result.claims.items() if entry["runs"] > 1} == {"D4": 2}
    arrays = result.measures
    assert set(arrays["data_scale_cka"]) == {"vit", "vit_small", "cnn", "vit_seeds"}
    assert arrays["data_scale_cka"]["vit"].axes["percent"] == [3, 30]
    assert arrays["data_scale_cka"]["vit_seeds"].values.shape == (1, 8)
    assert arrays["tuning_cka"]["vit"].axes["task"] == ["near", "far"]
    assert arrays["probe_accuracy"]["cnn"].values.shape == (2, 10)
    assert set(arrays["transfer_accuracy"]) == {"vit"}
    assert arrays["local_head_distance"]["vit"].values.shape == (3, 3)
    said = phrases(arrays)
    assert said["cka_3_low"] == f"{arrays['data_scale_cka']['vit'].values[0, :2].mean():.2f}"
    assert said["probe_cnn_100_last"] == f"{arrays['probe_accuracy']['cnn'].values[1, -1]:.0%}"


def test_before_training_models_of_one_seed_are_the_same_and_no_claim_about_learning_holds(tasks):
    run = make_run(vit_10pct="", vit_30pct="", cnn_3pct="")
    (found,) = data_scale.measure_runs(run.load_controls(), run, tasks)
    assert all((entry.values == 1).all() for entry in found.arrays()["data_scale_cka"].values())
    for claim, estimate in found.estimates(0).items():
        if CLAIMS[claim].learned:
            assert (estimate.effect, estimate.low, estimate.high) == (0, 0, 0)
            assert judge(CLAIMS[claim], estimate) == "open"


def test_claims_whose_models_are_not_there_are_left_out(tasks):
    run = make_run(**NONE)
    (found,) = data_scale.measure_runs(run.load_models(), run, {"probe": tasks["probe"]})
    assert list(found.estimates(0)) == ["D4"]
    assert set(found.arrays()) == {"probe_accuracy"}
    run = make_run(**NONE | {"vit_3pct": LITTLE})
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert list(found.estimates(0)) == ["D1"]
    assert phrases(found.arrays()).keys() >= {"cka_3_low", "cka_3_high", "cka_3_gap"}


def test_a_model_of_little_data_whose_full_one_is_not_there_is_probed_and_compared_with_none(tasks):
    run = make_run(**NONE | {"vit_small_3pct": "vit_smallpocket_patch8_56.shapes_3pct"})
    (found,) = data_scale.measure_runs(run.load_models(), run, {"probe": tasks["probe"]})
    assert found.counterparts is None
    assert found.arrays()["probe_accuracy"]["vit_small"].axes["percent"] == [3]


def test_models_without_open_attention_are_compared_without_its_distance():
    mixer = "mixer_pocket_patch8_56.shapes"
    run = make_run(**NONE | {"vit": mixer, "vit_3pct": mixer})
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert not found.distances and found.estimates(0)["D1"].effect == 0


def test_vits_of_other_seeds_are_compared_with_the_first():
    run = make_run(**NONE, n_seeds=3)
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert list(found.counterparts.pairs) == ["vit_run2", "vit_run3"]
    assert found.arrays()["data_scale_cka"]["vit_seeds"].axes["model"] == ["vit_run2", "vit_run3"]
    assert 0.3 < found.counterparts.values["vit_run2"].mean() < 0.95


def test_a_vit_of_the_users_own_has_no_twins_though_the_cnn_has():
    file = str(bundled.WEIGHTS / "vit_pocket_patch8_56.shapes.safetensors")
    run = make_run(**NONE | {"vit_3pct": LITTLE}, vit_checkpoint=file, n_seeds=2)
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert found.counterparts.pairs == {"vit_3pct": "vit"}


def test_swapped_models_flip_d3_d4_and_d5_and_equal_ones_give_nothing():
    better, worse = curve(0.2, 0.6, 0.9), curve(0.2, 0.5, 0.4)

    def effects(vit, other):
        curves = {"vit": vit, "vit_3pct": other, "cnn": other}
        found = DataScale(None, {}, {"probe": curves, "transfer": curves}).estimates(0)
        return {claim: estimate.effect for claim, estimate in found.items()}

    assert effects(better, worse) == pytest.approx({"D3": 0.1, "D4": 0.575 - 0.4, "D5": 0.1})
    assert effects(worse, better) == pytest.approx({"D3": -0.1, "D4": 0.4 - 0.575, "D5": -0.1})
    assert effects(better, better) == {"D3": 0, "D4": 0, "D5": 0}


def test_the_most_local_head_is_told_in_units_of_even_attention_by_share():
    grid = Grid(4, 4, 8, 8, 1)
    heads = lambda nearest: AttentionDistance((), grid, np.tile([[30, 30], [30, nearest], [5, 5]], (6, 1, 1)))  # noqa: E731
    found = DataScale(None, {"vit": heads(10.0), "vit_10pct": heads(20.0)}, {}).arrays()["local_head_distance"]["vit"]
    assert found.axes["percent"] == [10, 100]
    even = grid.distances().mean().item()
    np.testing.assert_allclose(found.values, [[20 / even] * 3, [10 / even] * 3])


def test_opens_what_is_asked_for():
    asked = {"n_probe_images": 1400}
    assert set(open_tasks(make_run(**asked))) == {"probe", "transfer"}
    assert set(open_tasks(make_run(transfer_dataset="", **asked))) == {"probe"}
    assert open_tasks(make_run(n_probe_images=0)) == {}


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"vit_3pct": "vit_nonsense"}, "vit_3pct='vit_nonsense' is no model"),
        ({"vit_far_checkpoint": "gone.safetensors"}, "vit_far_checkpoint='gone.safetensors' is not a file"),
        ({"n_probe_images": -1}, "n_probe_images must be 0 or more, not -1"),
        ({"n_probe_images": 300}, "probe_dataset='shapes': n_probe_images must give two classes or more"),
        ({"n_probe_images": 10**6}, "probe_dataset='shapes': n_probe_images must be at most 10000"),
        ({"probe_dataset": "shape"}, "probe_dataset='shape' is not known"),
        ({"transfer_dataset": "stroke"}, "transfer_dataset='stroke' is not known"),
        ({"transfer_dataset": "folder", "transfer_data_dir": "gone"}, "transfer_data_dir='gone' is not there"),
        ({"transfer_split": "dev"}, "transfer_split must be one of"),
        (NONE | {"n_probe_images": 0}, "n_probe_images must be above 0, or vit_3pct name a model"),
    ],
)
def test_refuses(changed, complaint):
    with pytest.raises(InputError, match=f"^{complaint}") as refusal:
        open_tasks(make_run(**changed))
    assert "\n" not in str(refusal.value)


def test_pictures_of_one_a_class_cannot_be_probed(pictures):
    changed = {"transfer_dataset": "folder", "transfer_data_dir": str(pictures), "n_probe_images": 12}
    with pytest.raises(InputError, match="^transfer_dataset='folder': n_probe_images must give two classes"):
        open_tasks(make_run(probe_dataset="", **changed))


def test_blocks_that_cannot_be_compared_are_refused_by_their_parameter():
    run = make_run(**NONE | {"vit_3pct": "vit_smallpocket_patch8_56.shapes_3pct"})
    with pytest.raises(InputError, match="^vit_3pct must have the blocks of vit"):
        list(data_scale.measure_runs(run.load_models(), run, {}))
