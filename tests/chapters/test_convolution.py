"""The chapter on convolutions: what is tried of kernels, terms by hand, parameters that are refused."""

import numpy as np
import pytest

from seelike.chapters import convolution
from seelike.chapters.convolution import Construction, Convolution, Kernels, try_kernels
from seelike.chapters.prepare import prepare
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.intervals import jackknife
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


def parameters(**changed) -> dict:
    few = {"n_images": 8, "batch_size": 4, "n_kernels": 8, "kernel_sizes": "3 5", "patch_sizes": "4"}
    found = read_parameters(find_chapter("convolution")) | few | changed
    del found["results_dir"]
    return found


def test_the_chapter_judges_the_construction_over_kernels_and_shows_heads(tmp_path):
    run = prepare(convolution.CHAPTER, str(tmp_path), **parameters())
    result = run.record(*convolution.CHAPTER.measure_all(run))
    assert [entry["verdict"] for entry in result.claims.values()] == ["holds"] * 3
    for entry in result.claims.values():
        assert entry["control_verdict"] == "not applicable" and entry["covers"] == "kernels" and not entry["trainings"]
    shares = result.measures["offset_share"]
    assert list(shares) == ["vit", "vit_low_data"] and shares["vit"].values.shape == (8, 4)
    assert (shares["vit"].values >= shares["vit"].uniform - 1e-6).all() and result.save(tmp_path).is_file()
    assert not {"conv_error_random", "smallest_error_random"} & result.measures.keys()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"kernel_sizes": "3 4"}, "kernel_sizes must be odd"),
        ({"kernel_sizes": "3,5"}, "kernel_sizes must be whole numbers from 1 to 33"),
        ({"kernel_sizes": 3}, "kernel_sizes must be text"),
        ({"patch_sizes": "1"}, "patch_sizes must be whole numbers from 2 to 16"),
        ({"n_kernels": 1}, "n_kernels must be 2 or more"),
        ({"vit": "resnet_pocket.shapes"}, "vit must be a ViT"),
    ],
)
def test_refuses_by_the_parameters_name(tmp_path, changed, named):
    with pytest.raises(InputError, match=named):
        prepare(convolution.CHAPTER, str(tmp_path), **parameters(**changed))
