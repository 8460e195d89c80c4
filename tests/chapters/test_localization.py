"""The chapter's measures together, on small models."""

from functools import partial

import pytest

from seelike.chapters import localization
from seelike.chapters.prepare import open_run
from seelike.chapters.probe_images import open_probe_images
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures.probes import choose_folds
from seelike.measures.token_patch_cka import pixel_share
from seelike.results.claims import CLAIMS
from seelike.system.errors import InputError


def make_run(tmp_path, **changed):
    defaults = read_parameters(find_chapter("localization"))
    small = {"n_images": 24, "batch_size": 4, "n_probe_images": 0, "n_seeds": 1}
    parameters = {name: value for name, value in (defaults | small | changed).items() if name != "results_dir"}
    return open_run(localization.CHAPTER, str(tmp_path), **parameters)


L_PARTS = sorted(part.id for claim in CLAIMS.values() if claim.chapter == "localization" for part in claim.parts)


def test_gives_every_claim_with_its_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr("seelike.chapters.probe_images.choose_folds", partial(choose_folds, n_draws=8, shots=2))
    run = make_run(tmp_path, n_images=32, batch_size=4, n_probe_images=400, n_seeds=2)
    probed = open_probe_images(run)
    found = list(localization.measure_runs(run.load_models(), run, probed, n_attributed=2))
    control = list(localization.measure_runs([next(run.load_controls())], run, probed))
    assert sorted(found[0].terms()) == L_PARTS == sorted(found[-1].terms())
    assert {roles for terms in found[0].terms().values() for roles in terms} == {("vit",), ("cnn",), ("vit_gap",)}
    assert all(each.shape == (9,) for terms in found[0].terms().values() for each in terms.values())
    arrays = found[0].arrays()
    assert arrays["token_patch_cka"]["vit"].axes["token"] == ["0,0", "0,3", "2,2"]
    assert [len(arrays[name]["cnn"].axes["layer"]) for name in ("probe_accuracy", "position_r2")] == [10, 10]
    assert arrays["occlusion"]["vit_gap"].values.shape == (2, 7, 7)
    assert "occlusion" not in control[0].arrays() and "cnn" not in found[-1].read
    result = run.record(found, control * 2)
    assert result.save(tmp_path).is_file()
    assert result.provenance["probe_dataset"]["images"] == 400
    assert result.claims["L1"]["trainings"] == {"vit": 2, "cnn": 2}
    half = result.claims["L1"]["parts"]["L1a"]
    assert half["effect"] > 0.05 and half["training"] == pytest.approx(half["effect"] - half["control"])
    assert sorted(result.claims) == [f"L{number}" for number in range(1, 10)]


def test_further_runs_probe_first_and_last_block_and_say_the_same_of_one_model(tmp_path, monkeypatch):
    monkeypatch.setattr("seelike.chapters.probe_images.choose_folds", partial(choose_folds, n_draws=2, shots=2))
    run = make_run(tmp_path, n_images=8, n_probe_images=200)
    models = next(run.load_models())
    first, further = localization.measure_runs([models, models], run, open_probe_images(run))
    assert first.read["vit"].blocks[:: len(first.read["vit"].blocks) - 1] == further.read["vit"].blocks
    for part, terms in further.terms().items():
        for roles, replicates in terms.items():
            assert replicates == pytest.approx(first.terms()[part][roles], abs=1e-6)


def test_without_a_gap_model_and_probes_their_claims_are_left_out(tmp_path):
    run = make_run(tmp_path, vit_gap="")
    (found,) = localization.measure_runs(run.load_models(), run, None)
    assert sorted(found.terms()) == ["L1a", "L1b", "L2", "L4a", "L4b", "L7a", "L7b"]
    assert sorted(found.arrays()) == ["edge_score", "localization_score", "token_patch_cka"]


def test_models_of_different_grids_are_compared_on_the_coarser(tmp_path):
    run = make_run(tmp_path, n_images=8, vit_gap="")
    models = next(run.load_models())
    for block in models["cnn"].stages[3].blocks[2:]:
        block.register_forward_hook(lambda _, i, output: output[:, :, :5, :5])
    (found,) = localization.measure_runs([models], run, None)
    own, common = found.compared.own, found.compared.common
    assert own["vit"].blocks.grid == (7, 7) and common["vit"].blocks.grid == (5, 5)
    assert common["cnn"] is own["cnn"]
    share = pixel_share(common["vit"], slice(None)), pixel_share(own["cnn"], slice(None))
    assert {roles: each[0] for roles, each in found.terms()["L1b"].items()} == {
        ("vit",): pytest.approx(share[0]),
        ("cnn",): pytest.approx(-share[1]),
    }
    assert found.terms()["L1a"]["vit",][0] == pytest.approx(own["vit"].scores(block=-1))


def test_the_first_images_are_occluded_before_every_model(tmp_path):
    run = make_run(tmp_path, vit_gap="")
    models = next(run.load_models())
    one, two = (next(localization.measure_runs([models], run, None, n)).occluded for n in (1, 2))
    assert one["cnn"].values.shape == (1, 7, 7)
    assert one["cnn"].values == pytest.approx(two["cnn"].values[:1], abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_attributed": -1}, "n_attributed must be 0 or more, not -1"),
        ({"n_attributed": 25}, "n_attributed must be at most 24, the n_images in full minibatches, not 25"),
        ({"n_probe_images": 0.5}, "n_probe_images must be a whole number"),
        ({"vit_gap": "vit_nonsense"}, "vit_gap='vit_nonsense' is no model"),
        ({"probe_split": 3}, "probe_split must be text, not 3"),
    ],
)
def test_refuses(changed, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        make_run(tmp_path, **changed)


def test_a_model_without_an_interior_is_refused_by_its_parameter(tmp_path):
    run = make_run(tmp_path, cnn="resnet_pocket.shapes", image_size=0)
    models = next(run.load_models())
    models["cnn"].stages[3].blocks[2].register_forward_hook(lambda _, i, output: output[:, :, :2, :2])
    with pytest.raises(InputError, match="^cnn must have 3×3 positions or more"):
        list(localization.measure_runs([models], run, None))
