"""The chapter's measures together, on small models; the labels that an accuracy needs."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Subset

from seelike.chapters import skip_connections
from seelike.chapters.prepare import prepare
from seelike.chapters.skip_connections import ABLATED, CHAPTER
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images import datasets
from seelike.measures.norm_ratio import smallest_gaps
from seelike.system.errors import InputError

PARTS = ("S1a", "S1b", "S2a", "S2b", "S3a", "S3b", "S4", "S5a", "S5b", "S6")


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
    terms = found.terms()
    assert set(terms) == set(PARTS) == set(control.terms())
    pair, all_ablated, middle = {("vit",), ("cnn",)}, {("vit", *ABLATED)}, {("vit", "vit_noskip_middle")}
    of_models = dict.fromkeys(["S2a", "S2b"], pair) | dict.fromkeys(["S3a", "S3b"], all_ablated) | {"S4": middle}
    assert {part: set(own) for part, own in terms.items()} == {part: {("vit",)} for part in PARTS} | of_models
    assert all(replicates.shape == (9,) for own in terms.values() for replicates in own.values())
    arrays = found.arrays()
    assert set(arrays) == {"norm_ratio", "skip_cosine", "identity_skip", "norm_ratio_tokens", "cka", "accuracy",
                           "accuracy_interval"}  # fmt: skip
    assert set(arrays["norm_ratio_tokens"]) == {"vit"} and set(arrays["norm_ratio"]) == {"vit", "cnn"}
    assert [arrays["cka"][role].boundaries for role in ABLATED] == [[1], [4], [6]]
    accuracy, untrained = (part.arrays()["accuracy"]["vit"].values for part in (found, control))
    assert accuracy.min() > 0.7 > 0.3 > untrained.max()
    assert abs(control.terms()["S4"]["vit", "vit_noskip_middle"][0]) < 0.2  # the untrained have nothing to lose
    result = run.record([found], [control])
    assert set(result.claims) == {"S1", "S2", "S3", "S4", "S5", "S6"} and result.save(tmp_path).is_file()


def measure_first(run, **changed):
    return next(skip_connections.measure_runs([next(run.load_models()) | changed], run))


def test_without_cuts_or_a_cls_token_their_claims_are_left_out(tmp_path):
    ablated = dict.fromkeys(ABLATED, "")
    run = prepare_with(tmp_path, **ablated)
    assert set(measure_first(run).terms()) == {part for part in PARTS if part[:2] not in ("S3", "S4")}
    run = prepare_with(tmp_path, **ablated, vit="vit_pocket_patch8_gap_56.shapes")
    assert set(measure_first(run).terms()) == {"S2a", "S2b"}
    run = prepare_with(tmp_path, **ablated | {"vit_noskip_late": "vit_pocket_noskip6_patch8_56.shapes"})
    assert "S4" not in measure_first(run).terms()


def test_without_identity_skips_s2_is_left_out(tmp_path):
    class Changed(nn.Module):
        """A block whose skip is a convolution."""

        def __init__(self):
            super().__init__()
            self.downsample, self.conv = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)
            self.drop_path = nn.Identity()

        def forward(self, x):
            return self.downsample(x) + self.drop_path(self.conv(x))

    class Changing(nn.Module):
        """A CNN of such blocks."""

        num_classes = 10

        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 8, 8)
            self.blocks = nn.Sequential(*[Changed() for _ in range(3)])

        def group_matcher(self, coarse):
            return {"stem": "^stem", "blocks": r"^blocks\.(\d+)"}

        def forward(self, x):
            return self.blocks(self.stem(x)).mean((2, 3))

    run = prepare_with(tmp_path, **dict.fromkeys(ABLATED, ""))
    found = measure_first(run, cnn=Changing().eval())
    assert found.arrays()["identity_skip"]["cnn"].values.tolist() == [0, 0, 0]
    assert not {"S2a", "S2b"} & set(found.terms()) and "S1a" in found.terms()


def test_swapped_models_flip_the_sign_of_s2(tmp_path):
    ablated = dict.fromkeys(ABLATED, "")
    vit, cnn = "vit_pocket_patch8_56.shapes", "resnet_pocket.shapes"
    one, other = (
        sum(term[0] for term in measure_first(run).terms()["S2a"].values())
        for run in (prepare_with(tmp_path, **ablated), prepare_with(tmp_path, **ablated, vit=cnn, cnn=vit))
    )
    assert one == pytest.approx(-other) and one > 0


def test_s2b_holds_every_vit_against_every_cnn(tmp_path):
    run = prepare_with(tmp_path, n_images=16, n_seeds=2, **dict.fromkeys(ABLATED, ""))
    runs = list(run.load_models())
    found = list(skip_connections.measure_runs(runs, run))
    pairs = smallest_gaps(*([each.ratios[role] for each in found] for role in ("vit", "cnn")))
    total = sum(np.mean([each.terms()["S2b"][role,] for each in found], 0) for role in ("vit", "cnn"))
    np.testing.assert_allclose(total, pairs.mean((0, 1)))
    of_vits = [each.terms()["S2b"]["vit",] for each in found]
    np.testing.assert_allclose(of_vits[0] - of_vits[1], pairs[0].mean(0) - pairs[1].mean(0))
    shared = list(skip_connections.measure_runs([runs[0], runs[1] | {"cnn": runs[0]["cnn"]}], run))
    np.testing.assert_allclose(shared[0].terms()["S2b"]["cnn",], shared[1].terms()["S2b"]["cnn",])


def test_no_accuracy_where_labels_are_not_the_models_classes(tmp_path, pictures):
    own = {"dataset": "folder", "data_dir": str(pictures), "n_images": 12, "batch_size": 4}
    run = prepare_with(tmp_path, **own)
    assert datasets.count_classes(run.images) == 2
    found = next(skip_connections.measure_runs([next(run.load_models())], run))
    assert "accuracy" not in found.arrays() and "S4" not in found.terms() and "S3a" in found.terms()


def test_no_accuracy_where_as_many_classes_are_others(tmp_path):
    run = prepare_with(tmp_path, n_images=12, batch_size=4, vit="vit_pocket_patch8_56.shapes_to_regrouped")
    models = next(run.load_models())
    assert {models[role].num_classes for role in ("vit", "vit_noskip_middle")} == {10}
    found = next(skip_connections.measure_runs([models], run))
    assert "accuracy" not in found.arrays() and "S4" not in found.terms()


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
