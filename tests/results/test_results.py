"""Result files: written whole or not at all, read back as they were, refused when damaged."""

import json
import math

import numpy as np
import pytest
from handmade import claim, part

from seelike.measures.intervals import MIN_DRAWS
from seelike.results import runs
from seelike.results.claims import PARTS
from seelike.results.comparison import read_parts
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result, list_results, peak_mib, trace
from seelike.results.runs import gather, read_published
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS


def make(profile="pocket", shift=0.0) -> Result:
    models = {"vit": {"name": "v", "origin": "hub", "parameters": 1, "state_sha256": "0"}}
    dataset = {"name": "shapes", "split": "validation", "images": 8, "sha256": "0"}
    values = np.array([[1, 0.25], [0.25 + shift, math.nan]])
    undefined = {"control": math.nan, "control_interval": [math.nan] * 2}
    claims = {"U1": claim("U1", part(0.1 + shift, "inconclusive", interval=[0.0, 0.2], **undefined))}
    measures = {"cka": {"vit": LabelledArray({"layer": ["a", "b"], "other": ["a", "b"]}, values)}}
    return Result("toy", profile, {"seed": 0}, trace(0.0, models, dataset, "cpu"), measures, claims)


def test_round_trip(tmp_path):
    path = make().save(tmp_path)
    assert path == tmp_path / "pocket" / "toy.json"
    again = Result.load(path)
    np.testing.assert_array_equal(again.measures["cka"]["vit"].values, [[1, 0.25], [0.25, math.nan]])
    found = again.claims["U1"]["parts"]["U1"]
    assert found["interval"] == [0.0, 0.2] and found["control"] is None and found["control_interval"] == [None, None]
    again.save(tmp_path / "twice")
    assert (tmp_path / "twice" / "pocket" / "toy.json").read_bytes() == path.read_bytes()


def test_a_row_of_a_matrix_is_a_line_of_the_file(tmp_path):
    lines = make().save(tmp_path).read_text().splitlines()
    assert "[1.0, 0.25]" in [line.strip(" ,") for line in lines]


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path):
    bad = make()
    bad.claims["U1"]["verdict"] = "perhaps"
    with pytest.raises(Exception, match="perhaps"):
        bad.save(tmp_path)
    good = make().save(tmp_path)
    before = good.read_bytes()
    bad = make()
    bad.parameters["device"] = object()
    with pytest.raises(TypeError):
        bad.save(tmp_path)
    assert [p.name for p in good.parent.iterdir()] == ["toy.json"]
    assert good.read_bytes() == before


def spoil(change):
    def apply(path):
        plain = json.loads(path.read_text())
        change(plain)
        path.write_text(json.dumps(plain))

    return apply


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.write_text(path.read_text()[:200]), "is no JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no JSON"),
        (lambda path: path.unlink(), "cannot be read"),
        (spoil(lambda r: r.pop("claims")), "'claims' is a required property"),
        (spoil(lambda r: r["claims"]["U1"].update(verdict="yes")), r"damaged at \$.claims.U1.verdict"),
        (
            spoil(lambda r: r["claims"]["U1"].update(covers="seeds")),
            "damaged at U1: it covers 'seeds', and not images or images and trainings",
        ),
        (
            spoil(lambda r: r["claims"]["U1"].update(trainings={})),
            "damaged at U1: it covers .* and not minibatches of images",
        ),
        (spoil(lambda r: r["claims"]["U1"]["parts"]["U1"].pop("p")), r"damaged at \$.claims.U1.parts.U1.*'p'"),
        (spoil(lambda r: r["claims"]["U1"]["parts"].update(U1b=part())), "damaged at U1: its parts are U1, U1b"),
        (spoil(lambda r: r["claims"].update(Z9=r["claims"]["U1"])), "damaged at Z9: the book has no such claim"),
        (
            spoil(lambda r: r["claims"]["U1"]["parts"]["U1"].update(training_interval=[0.2, 0.1])),
            r"damaged at U1: its training_interval \[0.2, 0.1\]",
        ),
        (spoil(lambda r: r["measures"]["cka"]["vit"].update(values=[[1, 2]])), r"values have shape \(1, 2\)"),
        (spoil(lambda r: r["measures"]["cka"]["vit"].update(values=[[1], [2, 3]])), "rows differ in length"),
        (spoil(lambda r: r["measures"]["cka"]["vit"].update(values=["x", "y"])), "damaged at cka.vit"),
        (spoil(lambda r: r.update(extra=1)), "extra"),
    ],
)
def test_refuses_damaged_files(tmp_path, damage, complaint):
    path = make().save(tmp_path)
    damage(path)
    with pytest.raises(InputError, match=complaint):
        Result.load(path)


def test_a_page_shows_the_new_result_and_what_is_published(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "none")
    make("pretrained").save(tmp_path)
    old = make("pocket")
    old.save(tmp_path)
    new = make("pocket", shift=0.5)
    published = gather(new, tmp_path)
    assert list(published) == ["pocket", "pretrained"]
    assert published["pocket"] is new
    assert list(gather(make("mine"), tmp_path)) == ["mine", "pocket", "pretrained"]
    assert read_published("no such chapter", tmp_path) == {}


def test_peak_memory_keeps_the_largest_moment():
    before = peak_mib()
    block = np.ones((before + 200) * 2**20 // 8)
    del block
    assert peak_mib() > before + 100


def test_published_results_are_sound():
    """Of every published run: enough images for intervals, symmetric CKA, verdicts that follow from the intervals."""
    published = read_published("uniformity", "nowhere")
    assert "pocket" in published
    for profile, result in published.items():
        assert result.profile == profile
        assert result.provenance["dataset"]["images"] >= MIN_DRAWS * result.parameters["batch_size"]
        for id, found in read_parts(result).items():
            assert found["verdict"] in (PARTS[id].judge(*found["interval"]), "not applicable")
            assert found["interval"][0] <= found["effect"] <= found["interval"][1]
        for measure in ("cka", "cka_random"):
            assert (result.measures[measure]["vit_cnn"].values < 1).all()
            for pair in ("vit", "cnn"):
                values = result.measures[measure][pair].values
                np.testing.assert_allclose(np.diag(values), 1, atol=1e-6)
                np.testing.assert_allclose(values, values.T, atol=2e-6)
    assert published["pocket"].provenance["peak_mib"] < 1500  # Binder gives 2 GB


@pytest.mark.parametrize("older", [None, 1, 2])
def test_a_file_of_an_older_form_is_refused_with_the_way_out(tmp_path, older):
    path = make().save(tmp_path)
    spoil(lambda r: r.update(format=older) if older else r.pop("format"))(path)
    with pytest.raises(InputError, match=r"toy\.json .*older form.*measure it anew"):
        Result.load(path)


def test_another_format_is_refused(tmp_path):
    path = make().save(tmp_path)
    spoil(lambda r: r.update(format=4))(path)
    with pytest.raises(InputError, match=r"damaged at \$.format"):
        Result.load(path)


PUBLISHED = [path for folder in sorted(RESULTS.iterdir()) for path in list_results(folder)]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_published_file_is_written_as_it_was_read(path, tmp_path):
    assert Result.load(path).save(tmp_path).read_bytes() == path.read_bytes()
