"""The chapter on convolutions: what is tried of kernels, terms by hand, parameters that are refused."""

import numpy as np
import pytest

from seelike.chapters import convolution
from seelike.chapters.convolution import Construction, Convolution, Kernels, try_kernels
from seelike.chapters.prepare import prepare
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.intervals import jackknife
from seelike.results.results import Result
from seelike.system.errors import InputError


@pytest.fixture(scope="module")
def tried() -> Construction:
    return try_kernels(Kernels([3, 5], [2, 4], 3), seed=0)


def test_every_kernel_is_tried_with_every_patch(tried):
    assert tried.errors.shape == tried.misplaced.shape == (2, 2, len(convolution.SHARPNESS), 3)
    assert (tried.errors[:, :, -1] < 1e-5).all() and (np.diff(tried.errors, axis=2) < 0).all()
    assert (tried.misplaced > 0.5).all()
    assert tried.heads[..., 0].tolist() == [[9, 9, 9], [25, 9, 9]] and (tried.heads.std(-1) == 0).all()
    assert tried.by_kind.tolist() == [[9, 9, 9], [5, 5, 5], [1, 1, 1]]
    assert (tried.one_fewer > 0.001).all()
    np.testing.assert_allclose(tried.fitted, tried.fewer, atol=0.05)


def test_seeds_draw_other_kernels(tried):
    again, other = (try_kernels(Kernels([3], [2], 2), seed) for seed in (0, 1))
    assert not np.allclose(again.one_fewer, other.one_fewer)
    np.testing.assert_array_equal(again.one_fewer, try_kernels(Kernels([3], [2], 2), 0).one_fewer)


def test_terms_are_means_over_kernels_of_the_worst_size(tried):
    terms = Convolution({}, tried).terms()
    worst = np.log10(tried.errors[:, :, -1]).max((0, 1))
    np.testing.assert_allclose(terms["C1"][()], jackknife(3, lambda chosen: worst[chosen].mean()))
    assert terms["C2"][()][0] == pytest.approx(np.log10(tried.one_fewer).min((0, 1)).mean())
    assert terms["C3"][()].tolist() == pytest.approx([25 / 9] * 4)


def test_small_kernels_alone_leave_c3_out_and_controls_are_not_defined():
    assert set(Convolution({}, try_kernels(Kernels([3], [2], 2), 0)).terms()) == {"C1", "C2"}
    control = Convolution({}, None, 2).terms()
    assert set(control) == {"C1", "C2", "C3"} and all(np.isnan(of[()]).all() for of in control.values())


def card(share: float) -> dict:
    """Of a model that is right about a share of 80 images, and as evenly as can be."""
    return {"classes": "1" * 80, "answers": "".join("1" if (i * 7) % 80 < 80 * share else "0" for i in range(80))}


def test_starts_are_compared_by_answers_where_there_are_any(monkeypatch, tried):
    shares = {"_3pct": 0.5, "_twophase_3pct": 0.7, "_permuted_3pct": 0.55, "": 0.8, "_twophase": 0.85}
    name = "vit_pocket9_patch8_56.shapes"
    cards = {f"{name}{tag}{seed}": card(share) for tag, share in shares.items() for seed in ("", "_seed1")}
    monkeypatch.setattr(convolution.bundled, "read_manifest", lambda: cards)
    vit = {"vit": "vit_pocket_patch8_56.shapes", "vit_checkpoint": ""}
    starts = convolution.find_starts(vit)
    found = Convolution({}, tried, starts=starts)
    effects = {
        part: sum(each[:, 0].mean() for each in of.values()) for part, of in found.terms().items() if part > "C3"
    }
    assert effects == pytest.approx({"C4a": 0.2, "C4b": 0.15, "C5": 0.15})
    assert all(each.shape == (2, 41) for each in found.terms()["C5"].values())
    assert "start_accuracy" not in found.arrays()
    cards[f"{name}_permuted"] = card(0.8)
    whole = Convolution({}, tried, starts=convolution.find_starts(vit)).arrays()
    assert whole["start_accuracy"]["vit"].values == pytest.approx(np.array([[0.5, 0.7, 0.55], [0.8, 0.85, 0.8]]))
    control = Convolution({}, None, 2, starts).terms()
    assert np.isnan(control["C4a"]["twophase_3pct",]).all()
    assert convolution.find_starts(vit | {"vit": "vit_pocket_patch8_56"}).keys() == starts.keys() | {"permuted_100pct"}
    for other in ({"vit": "deit_tiny_patch16_224.fb_in1k"}, {"vit_checkpoint": "own.safetensors"}):
        assert convolution.find_starts(vit | other) == {}


def parameters(**changed) -> dict:
    few = {"n_images": 8, "batch_size": 4, "n_kernels": 8, "kernel_sizes": "3 5", "patch_sizes": "4"}
    found = read_parameters(find_chapter("convolution")) | few | changed
    del found["results_dir"]
    return found


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> Result:
    run = prepare(convolution.CHAPTER, str(tmp_path_factory.mktemp("results")), **parameters())
    return run.record(*convolution.CHAPTER.measure_all(run))


def test_the_chapter_judges_the_construction_over_kernels_and_shows_heads(result, tmp_path):
    assert [result.claims[claim]["verdict"] for claim in ("C1", "C2", "C3")] == ["holds"] * 3
    for claim, entry in result.claims.items():
        covers, counts = ("kernels", set()) if claim < "C4" else ("images and trainings", {3})
        assert entry["control_verdict"] == "not applicable" and entry["covers"] == covers
        assert set(entry["trainings"].values()) == counts
    shares = result.measures["offset_share"]
    assert list(shares) == ["vit", "vit_low_data"] and shares["vit"].values.shape == (8, 4)
    assert (shares["vit"].values >= shares["vit"].uniform - 1e-6).all() and result.save(tmp_path).is_file()
    assert not {"conv_error_random", "smallest_error_random", "start_accuracy_random"} & result.measures.keys()


def test_starts_of_the_shipped_cards_are_judged_by_all_their_trainings(result):
    """Oracle: the means of the cards' own accuracies."""
    cards = convolution.bundled.read_manifest()

    def accuracy(change: str) -> float:
        name = f"vit_pocket9_patch8_56.shapes{change}"
        return np.mean([cards[f"{name}{seed}"]["test_accuracy"] for seed in ("", "_seed1", "_seed2")])

    gains = {share: accuracy(f"_twophase{share}") - accuracy(share) for share in ("_3pct", "")}
    control = accuracy("_twophase_3pct") - accuracy("_permuted_3pct")
    parts = result.claims["C4"]["parts"] | result.claims["C5"]["parts"]
    found = [parts[part]["effect"] for part in ("C4a", "C4b", "C5")]
    assert found == pytest.approx([gains["_3pct"], control, gains["_3pct"] - gains[""]], abs=1e-4)
    assert result.measures["start_accuracy"]["vit"].values[1, 1] == pytest.approx(accuracy("_twophase"), abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"kernel_sizes": "3 4"}, "kernel_sizes must be odd"),
        ({"kernel_sizes": "3,5"}, "kernel_sizes must be whole numbers from 1 to 33"),
        ({"kernel_sizes": 3}, "kernel_sizes must be text"),
        ({"patch_sizes": "1"}, "patch_sizes must be whole numbers from 2 to 16"),
        ({"n_kernels": 1}, "n_kernels must be 2 or more"),
        ({"vit": "resnet_pocket.shapes", "vit_low_data": ""}, "vit must be a ViT"),
    ],
)
def test_refuses_by_the_parameters_name(tmp_path, changed, named):
    with pytest.raises(InputError, match=named):
        prepare(convolution.CHAPTER, str(tmp_path), **parameters(**changed))
