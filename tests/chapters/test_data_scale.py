"""The chapter's measures together, on small models: what they give, leave out, and refuse."""

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from seelike.activations.attention import Grid
from seelike.chapters import data_scale
from seelike.chapters.data_scale import OPTIONAL, DataScale, open_tasks, pair_runs
from seelike.chapters.prepare import open_run
from seelike.chapters.probe_images import ProbeImages
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.datasets import open_images, read_labels
from seelike.measures.attention_distance import AttentionDistance
from seelike.measures.block_probes import ProbeCurve
from seelike.measures.corresponding_layers import low_high_cka_gap
from seelike.measures.probes import choose_folds
from seelike.measures.runner import name_all
from seelike.models import bundled
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
    return ProbeCurve(tuple(f"blocks.{i}" for i in range(len(accuracy))), {"pooled": np.tile(accuracy, (6, 1))})


class Named(torch.nn.Module):
    """A model of a name, for tests that ask no more."""


WHOLE = ["D1a", "D1b", "D2", "D3", "D4", "D5", "D6a", "D6b", "D6c"]


def test_gives_every_part_with_its_arrays_and_of_every_run_the_models_that_are_its_own(tmp_path, tasks):
    run = make_run(tmp_path, n_seeds=2, vit_10pct="")
    trained = list(data_scale.measure_runs(run.load_models(), run, tasks))
    first, second = (found.terms() for found in trained)
    assert list(first) == WHOLE
    roles = {part: set(terms) for part, terms in first.items()}
    assert roles["D1a"] == roles["D1b"] == {("vit", "vit_3pct"), ("vit",)}
    assert roles["D2"] == {("vit", "vit_3pct"), ("vit_small", "vit_small_3pct")}
    assert roles["D3"] == roles["D5"] == {("vit",), ("vit_3pct",)} and roles["D4"] == {("vit",), ("cnn",)}
    assert roles["D6a"] == roles["D6b"] == roles["D6c"] == {("vit", "vit_near", "vit_far")}
    assert {len(replicates) for part in ("D1a", "D2", "D6c") for replicates in first[part].values()} == {6}
    assert {len(replicates) for part in ("D3", "D4", "D5") for replicates in first[part].values()} == {6}
    assert not np.array_equal(first["D4"]["vit",], second["D4"]["vit",])
    assert {"D3", "D4", "D5"} <= second.keys() <= set(WHOLE)
    result = Result.load(run.record(trained, trained).save(tmp_path))
    assert list(result.claims) == ["D1", "D2", "D3", "D4", "D5", "D6"]
    assert result.claims["D4"]["trainings"] == {"vit": 2, "cnn": 2}
    assert {claim: entry["control_verdict"] == "not applicable" for claim, entry in result.claims.items()} == {
        f"D{i}": i != 4 for i in range(1, 7)
    }
    arrays = result.measures
    assert set(arrays["data_scale_cka"]) == {"vit", "vit_small", "cnn", "vit_seeds"}
    assert arrays["data_scale_cka"]["vit"].axes["percent"] == [3, 30]
    assert arrays["data_scale_cka"]["vit_seeds"].values.shape == (1, 8)
    assert arrays["tuning_cka"]["vit"].axes["task"] == ["near", "far"]
    assert arrays["probe_accuracy"]["cnn"].values.shape == (2, 10)
    assert set(arrays["cls_probe_accuracy"]) == {"vit", "vit_small"}  # a CNN has no such token
    assert arrays["cls_probe_accuracy"]["vit"].axes["percent"] == [3, 30, 100]
    assert set(arrays["transfer_accuracy"]) == {"vit"}
    assert arrays["local_head_distance"]["vit"].values.shape == (3, 3)
    said = phrases(arrays)
    assert said["cka_3_low"] == f"{arrays['data_scale_cka']['vit'].values[0, :2].mean():.2f}"
    assert said["probe_cnn_100_last"] == f"{arrays['probe_accuracy']['cnn'].values[1, -1]:.0%}"
    assert said["cls_vit_100_last"] == f"{arrays['cls_probe_accuracy']['vit'].values[2, -1]:.0%}"


def test_before_training_models_of_one_run_are_the_same(tasks):
    run = make_run(vit_10pct="", vit_30pct="", cnn_3pct="")
    (found,) = data_scale.measure_runs(run.load_controls(), run, tasks)
    assert all((entry.values == 1).all() for entry in found.arrays()["data_scale_cka"].values())
    effects = {part: sum(terms.values()) for part, terms in found.terms().items()}
    assert set(effects) == {*WHOLE} - {"D1a", "D1b"}  # of one run there is no twin
    for part in effects.keys() - {"D4"}:
        assert (effects[part] == (part == "D6a")).all()


def test_models_are_named_by_the_run_that_first_has_them_and_stand_ins_are_compared_with_none():
    one, two, little, small, small_little = (Named() for _ in range(5))
    runs = [
        {"vit": one, "vit_3pct": little, "vit_small": small, "vit_small_3pct": small_little, "vit_10pct": one},
        {"vit": two, "vit_3pct": little, "vit_small": Named(), "vit_small_3pct": Named(), "vit_10pct": two},
    ]
    _, names = name_all(runs)
    assert names[0] == {role: role for role in runs[0]}
    assert names[1] == {role: role if role == "vit_3pct" else f"{role}_run2" for role in runs[1]}
    first, second = pair_runs(names)
    assert first == {
        "vit_3pct": ("vit_3pct", "vit"),
        "vit_10pct": ("vit_10pct", "vit"),
        "vit_small_3pct": ("vit_small_3pct", "vit_small"),
        "vit_run2": ("vit_run2", "vit"),
    }
    assert second == {"vit_small_3pct": ("vit_small_3pct_run2", "vit_small_run2")}  # no claim needs the 10 %


def test_claims_whose_models_are_not_there_are_left_out(tasks):
    run = make_run(**NONE)
    (found,) = data_scale.measure_runs(run.load_models(), run, {"probe": tasks["probe"]})
    assert list(found.terms()) == ["D4"]
    assert set(found.arrays()) == {"probe_accuracy", "cls_probe_accuracy"}


def test_d1_needs_a_twin():
    alone, two = (make_run(**NONE | {"vit_3pct": LITTLE}, n_seeds=n_seeds) for n_seeds in (1, 2))
    (found,) = data_scale.measure_runs(alone.load_models(), alone, {})
    assert found.terms() == {}
    assert phrases(found.arrays()).keys() >= {"cka_3_low", "cka_3_high", "cka_3_gap"}
    first, _ = data_scale.measure_runs(two.load_models(), two, {})
    values, terms = first.counterparts.values, first.terms()
    assert list(terms) == ["D1a", "D1b"]
    expected = low_high_cka_gap(values["vit_3pct"]) - low_high_cka_gap(values["vit_run2"])
    assert sum(terms["D1a"].values())[0] == pytest.approx(expected)


def test_a_model_of_little_data_whose_full_one_is_not_there_is_probed_and_compared_with_none(tasks):
    run = make_run(**NONE | {"vit_small_3pct": "vit_smallpocket_patch8_56.shapes_3pct"})
    (found,) = data_scale.measure_runs(run.load_models(), run, {"probe": tasks["probe"]})
    assert found.counterparts is None
    assert found.arrays()["probe_accuracy"]["vit_small"].axes["percent"] == [3]


def test_models_without_open_attention_are_compared_without_its_distance():
    mixer = "mixer_pocket_patch8_56.shapes"
    run = make_run(**NONE | {"vit": mixer, "vit_3pct": mixer})
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert not found.distances and (found.counterparts.values["vit_3pct"] == 1).all()


def test_vits_of_other_seeds_are_compared_with_the_first():
    run = make_run(**NONE, n_seeds=3)
    found, *others = data_scale.measure_runs(run.load_models(), run, {})
    assert [other.counterparts.pairs for other in others] == [{}, {}]
    assert list(found.counterparts.pairs) == ["vit_run2", "vit_run3"]
    assert found.arrays()["data_scale_cka"]["vit_seeds"].axes["model"] == ["vit_run2", "vit_run3"]
    assert 0.3 < found.counterparts.values["vit_run2"].mean() < 0.95


def test_a_vit_of_the_users_own_has_no_twins_though_the_cnn_has():
    file = str(bundled.WEIGHTS / "vit_pocket_patch8_56.shapes.safetensors")
    run = make_run(**NONE | {"vit_3pct": LITTLE}, vit_checkpoint=file, n_seeds=2)
    (found,) = data_scale.measure_runs(run.load_models(), run, {})
    assert found.counterparts.pairs == {"vit_3pct": ("vit_3pct", "vit")}


def test_swapped_models_flip_d3_d4_and_d5_and_equal_ones_give_nothing():
    better, worse = curve(0.2, 0.6, 0.9), curve(0.2, 0.5, 0.4)

    def effects(vit, other):
        curves = {"vit": vit, "vit_3pct": other, "cnn": other}
        found = DataScale(None, {}, {"probe": curves, "transfer": curves}).terms()
        return {part: sum(terms.values())[0] for part, terms in found.items()}

    assert effects(better, worse) == pytest.approx({"D3": 0.1, "D4": 0.575 - 0.4, "D5": 0.1})
    assert effects(worse, better) == pytest.approx({"D3": -0.1, "D4": 0.4 - 0.575, "D5": -0.1})
    assert effects(better, better) == {"D3": 0, "D4": 0, "D5": 0}


def test_the_most_local_head_is_told_in_units_of_even_attention_by_share():
    grid = Grid(4, 4, 8, 8, 1)
    heads = lambda nearest: AttentionDistance((), grid, np.tile([[30, 30], [30, nearest], [5, 5]], (8, 1, 1)))  # noqa: E731
    found = DataScale(None, {"vit": heads(10.0), "vit_10pct": heads(20.0)}, {}).arrays()["local_head_distance"]["vit"]
    assert found.axes["percent"] == [10, 100]
    even = grid.distances().mean().item()
    np.testing.assert_allclose(found.values, [[20 / even] * 3, [10 / even] * 3])


def test_opens_what_is_asked_for():
    asked = {"n_probe_images": 1400}
    assert set(open_tasks(make_run(**asked))) == {"probe", "transfer"}
    assert set(open_tasks(make_run(transfer_dataset="", **asked))) == {"probe"}
    assert open_tasks(make_run(n_probe_images=0)) == {}
    assert open_tasks(make_run(**NONE | {"vit_3pct": LITTLE}, n_probe_images=0, n_seeds=2)) == {}


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
        (NONE | {"n_probe_images": 0}, "n_probe_images must be above 0: .* vit_3pct"),
        (NONE | {"n_probe_images": 0, "vit_3pct": LITTLE}, "n_probe_images must be above 0: .* a second seed"),
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
    with pytest.raises(InputError, match="^vit_3pct must be of the design of vit, .* blocks"):
        list(data_scale.measure_runs(run.load_models(), run, {}))
