"""The chapter's measures together, on small models; the labels that an accuracy needs."""

import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from seelike.chapters import skip_connections
from seelike.chapters.prepare import prepare
from seelike.chapters.skip_connections import ABLATED, CHAPTER
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images import datasets
from seelike.system.errors import InputError


def parameters(**changed) -> dict:
    defaults = read_parameters(find_chapter("skip_connections"))
    return {
        name: value
        for name, value in (defaults | {"n_images": 24, "batch_size": 4} | changed).items()
        if name != "results_dir"
    }


def prepare_with(tmp_path, **changed):
    return prepare(CHAPTER, str(tmp_path), **parameters(**changed))


def test_gives_every_claim_with_its_arrays(tmp_path):
    run = prepare_with(tmp_path, n_images=64, batch_size=8, n_seeds=1)
    (found,), (control,) = ([next(skip_connections.measure_runs([m], run)) for m in load()] for load in
                            (run.load_models, run.load_controls))  # fmt: skip
    estimates = found.estimates(0)
    assert list(estimates) == ["S1", "S2", "S3", "S4", "S5"]
    assert all(estimate.low <= estimate.effect <= estimate.high for estimate in estimates.values())
    arrays = found.arrays()
    assert set(arrays) == {"norm_ratio", "skip_cosine", "norm_ratio_tokens", "cka", "accuracy"}
    assert set(arrays["norm_ratio_tokens"]) == {"vit"} and set(arrays["norm_ratio"]) == {"vit", "cnn"}
    assert [arrays["cka"][role].boundaries for role in ABLATED] == [[1], [4], [6]]
    accuracy, untrained = (part.arrays()["accuracy"]["vit"].values for part in (found, control))
    assert accuracy.min() > 0.7 > 0.3 > untrained.max()
    assert abs(control.estimates(0)["S4"].effect) < 0.2  # the untrained have nothing to lose
    assert run.record([found], [control]).save(tmp_path).is_file()


def test_without_cuts_or_a_cls_token_their_claims_are_left_out(tmp_path):
    ablated = dict.fromkeys(ABLATED, "")
    run = prepare_with(tmp_path, **ablated)
    assert list(next(skip_connections.measure_runs([next(run.load_models())], run)).estimates(0)) == ["S1", "S2", "S5"]
    run = prepare_with(tmp_path, **ablated, vit="vit_pocket_patch8_gap_56.shapes")
    assert list(next(skip_connections.measure_runs([next(run.load_models())], run)).estimates(0)) == ["S2"]
    run = prepare_with(tmp_path, **ablated | {"vit_noskip_late": "vit_pocket_noskip6_patch8_56.shapes"})
    assert "S4" not in next(skip_connections.measure_runs([next(run.load_models())], run)).estimates(0)


def test_swapped_models_flip_the_sign_of_s2(tmp_path):
    ablated = dict.fromkeys(ABLATED, "")
    vit, cnn = "vit_pocket_patch8_56.shapes", "resnet_pocket.shapes"
    one, other = (
        next(skip_connections.measure_runs([next(run.load_models())], run)).estimates(0)["S2"].effect
        for run in (prepare_with(tmp_path, **ablated), prepare_with(tmp_path, **ablated, vit=cnn, cnn=vit))
    )
    assert one == pytest.approx(-other) and one > 0


def test_no_accuracy_where_labels_are_not_the_models_classes(tmp_path, pictures):
    own = {"dataset": "folder", "data_dir": str(pictures), "n_images": 12, "batch_size": 4}
    run = prepare_with(tmp_path, **own)
    assert datasets.count_classes(run.images) == 2
    found = next(skip_connections.measure_runs([next(run.load_models())], run))
    assert "accuracy" not in found.arrays() and "S4" not in found.estimates(0) and "S3" in found.estimates(0)


def test_no_accuracy_where_as_many_classes_are_others(tmp_path):
    run = prepare_with(tmp_path, n_images=12, batch_size=4, vit="vit_pocket_patch8_56.shapes_to_regrouped")
    models = next(run.load_models())
    assert {models[role].num_classes for role in ("vit", "vit_noskip_middle")} == {10}
    found = next(skip_connections.measure_runs([models], run))
    assert "accuracy" not in found.arrays() and "S4" not in found.estimates(0)


def test_classes_are_counted_over_the_whole_data_set(pictures):
    shapes, folder = datasets.open_images("shapes"), datasets.open_images("folder", str(pictures))
    assert datasets.count_classes(Subset(shapes, [0])) == 10 and datasets.count_classes(Subset(folder, [0])) == 2
    shutil.make_archive(str(pictures), "tar", pictures)
    assert datasets.count_classes(Subset(datasets.open_images("folder", f"{pictures}.tar"), [0])) == 2
    unknown = torch.utils.data.TensorDataset(torch.zeros(3))
    assert datasets.count_classes(Subset(unknown, [0])) is None


def test_a_cut_that_is_none_is_refused_by_its_parameter(tmp_path):
    with pytest.raises(InputError, match="^vit_noskip_early must be a model with one block without skips"):
        run = prepare_with(tmp_path, vit_noskip_early="vit_pocket_patch8_56.shapes")
        next(skip_connections.measure_runs([next(run.load_models())], run))
    with pytest.raises(InputError, match="vit_noskip_late='vit_nonsense' is no model"):
        prepare_with(tmp_path, vit_noskip_late="vit_nonsense")


def test_accuracy_counts_the_run_s_own_labels(tmp_path):
    run = prepare_with(tmp_path, n_images=40, batch_size=8, vit_noskip_early="", vit_noskip_late="")
    models = next(run.load_models())
    with torch.no_grad():
        given = torch.cat([models["vit"](batch["vit"]).argmax(1) for batch in run.minibatches({"vit": models["vit"]})])
    own = np.array([run.images[i][1] for i in range(40)])
    found = next(skip_connections.measure_runs([models], run)).arrays()["accuracy"]["vit"]
    assert found.axes["model"] == ["vit", "vit_noskip_middle"]
    assert found.values[0] == pytest.approx((given.numpy() == own).mean())
