"""What the benchmarks compare: the peer's matrix put together in order, and the modules that it is shown."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch

from seelike.system.errors import InputError
from seelike.system.paths import REPOSITORY

SMALL = SimpleNamespace(vit_weights="", cnn_weights="", photographs="", images=8, batch=4)


@pytest.fixture
def benchmarks(monkeypatch):
    """The folder of benchmarks, importable as when one of its scripts runs."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(REPOSITORY / "benchmarks")):
            del sys.modules[name]


def test_three_comparisons_of_the_peer_make_one_matrix_in_our_order(benchmarks):
    import peer

    whole, rows = np.arange(25.0).reshape(5, 5), {"vit": slice(0, 2), "cnn": slice(2, 5)}
    whole = whole + whole.T
    asked = []

    def ask_once(case, batches, names, pair):
        asked.append(pair)
        return whole[rows[pair[0]], rows[pair[1]]]

    found = peer._ask_peer(ask_once, None, [], {"vit": ["a", "b"], "cnn": ["c", "d", "e"]})
    np.testing.assert_array_equal(found, whole)
    assert asked == [("vit", "vit"), ("vit", "cnn"), ("cnn", "cnn")]


def test_each_model_of_the_modern_peer_sees_its_own_images(benchmarks, monkeypatch):
    """It shows two models the same: their images, channel beside channel; one model is the same one twice."""
    import peer

    asked = []

    def compute_cka(first, second, batches, layers, model2_layers, device, progress):
        asked.append((first is second, layers, model2_layers))
        assert not first.training and not second.training
        return [torch.stack([first(batches[0][0]).sum(), second(batches[0][0]).sum()])]

    monkeypatch.setitem(sys.modules, "cka", SimpleNamespace(compute_cka=compute_cka))
    images = {"vit": torch.ones(2, 3, 4, 4), "cnn": torch.full((2, 3, 4, 4), 2.0)}
    case = SimpleNamespace(models={"vit": torch.nn.Identity(), "cnn": torch.nn.Identity()})
    names = {"vit": ["a"], "cnn": ["b", "c"]}
    for pair, sums in ((("vit", "cnn"), [96, 192]), (("cnn", "cnn"), [192, 192])):
        assert peer._ask_modern_peer_once(case, [images], names, pair).tolist() == sums
    assert asked == [
        (False, ["model.a"], ["model.b", "model.c"]),
        (True, ["model.b", "model.c"], ["model.b", "model.c"]),
    ]


def test_parts_that_are_not_measured_anew_are_kept_on_the_same_machine_and_case_alone(benchmarks, tmp_path):
    import bench

    file, head = tmp_path / "bench.json", {"machine": {"memory_gib": 23.456789}, "case": {"images": 8}}
    assert bench.begin(file, head, ["peers"]) == head | {"parts": {}}
    bench._write(file, head | {"parts": {"book": {}}, "book_seconds": 207.0})
    assert bench.begin(file, head, ["peers"])["book_seconds"] == 207
    assert bench.begin(file, head, bench.DEFAULT) == head | {"parts": {}}
    for name in ("machine", "case"):
        with pytest.raises(InputError, match=f"bench.json comes from another {name}"):
            bench.begin(file, head | {name: {"other": 1}}, ["peers"])


def test_exponents_of_chapters_are_those_of_their_sizes(benchmarks, monkeypatch):
    import book

    def run_apart(script, *words):
        size = dict(zip(words[1::2], map(int, words[2::2]), strict=True))
        assert set(size) == {"--images", "--depth", "--side"} and words[0] in book.CHAPTERS
        seconds = size["--images"] * size["--depth"] ** 0.5 * size["--side"] ** 2
        return "told\n" + json.dumps({"seconds": seconds, "peak_mib": 100 + 3 * size["--images"], "before_mib": 100})

    monkeypatch.setattr(book, "run_apart", run_apart)
    found = book.measure_growth(["mixer", "methods"])
    assert list(found) == ["mixer", "methods"]
    fitted = {axis: grown["exponents"] for axis, grown in found["mixer"].items()}
    assert {axis: each["seconds"] for axis, each in fitted.items()} == pytest.approx(
        {"images": 1, "depth": 0.5, "side": 2}
    )
    assert [fitted[axis]["mib"] for axis in ("images", "depth", "side")] == pytest.approx([1, 0, 0], abs=1e-9)
    assert [run["side"] for run in found["methods"]["side"]["runs"]] == list(book.SIZES["side"])


def test_a_chapter_is_measured_on_models_of_the_depth_that_is_asked_for(tmp_path):
    """In a process of its own, as it changes what timm builds under a name."""
    words = ["methods", "--images", "64", "--side", "56", "--depth", "3"]
    script = REPOSITORY / "benchmarks" / "chapters.py"
    run = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["seconds"] > 0 and found["peak_mib"] >= found["before_mib"] > 0


@pytest.mark.slow
def test_intervals_hold_the_truth_on_new_drawings(tmp_path):
    """Disjoint sets, the Mixer's claims alone; results/coverage.json has all of them."""
    file = tmp_path / "coverage.json"
    words = ["mixer", "--sets", "40", "--processes", "2", "--output", str(file)]
    subprocess.run([sys.executable, REPOSITORY / "benchmarks" / "coverage.py", *words], check=True)
    parts = json.loads(file.read_text())["chapters"]["mixer"]["parts"]
    assert parts.keys() == {"M1a", "M1b", "M2"}
    for kind in ("images", "0", "1", "4"):
        shares = [part[kind] if kind in part else part["images_and_trainings"][kind] for part in parts.values()]
        assert np.mean(shares) > 0.9


def test_the_peer_s_truth_is_our_cka(benchmarks):
    """The slow estimator in float64, pair by pair, against the accumulator that the book uses."""
    import cases
    import peer
    import work

    case = cases.Case.of(SMALL)
    batches, names = case.keep(), case.layers("blocks")
    assert [len(batch["vit"]) for batch in batches] == [4, 4]
    ours = work.compare(case, batches, names).values
    np.testing.assert_allclose(ours, peer._compute_slowly(case, batches, names), atol=1e-5)


def test_parts_are_the_innermost_modules_that_run(benchmarks):
    import cases

    vit = timm.create_model("vit_pocket_patch8_56").eval()
    case = cases.Case({"vit": vit}, {}, "drawings", SMALL)
    parts = case.parts("vit")
    modules = dict(vit.named_modules())
    assert parts[0] == "blocks.0.norm1" and len(parts) == len(set(parts)) == len(parts) // len(vit.blocks) * 8
    assert all(not list(modules[name].children()) for name in parts)
    assert "blocks.0.attn.attn_drop" not in parts  # fused attention has no use for it
    assert not any(part._forward_hooks for part in modules.values())


def test_a_part_that_fails_or_hangs_leaves_the_others_of_a_gpu_s_benchmarks_alone(benchmarks, monkeypatch, tmp_path):
    """A worker that does as its parts are called, in a process anew after each that ended it."""
    import gpu

    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, sys, time\n"
        "print('{}', flush=True)\n"
        "for part in json.loads(sys.argv[1])['parts']:\n"
        "    if part == 'peer': time.sleep(100)\n"
        "    if part == 'decoding': sys.exit(3)\n"
        "    print(json.dumps({'failed': 'out of luck'} if part == 'nccl' else {'ratio': 1.5}), flush=True)\n"
    )
    monkeypatch.setattr(gpu, "WORKER", worker)
    monkeypatch.setitem(gpu.SHARES, "peer", 1)
    parts = ["overhead", "peer", "decoding", "nccl", "truth"]
    found = dict(gpu.run_parts({"seconds": 75}, parts, 75))
    assert found["overhead"] == found["truth"] == {"ratio": 1.5} and list(found) == ["start", *parts]
    assert "longer than 1 s" in found["peer"]["failed"] and "code 3" in found["decoding"]["failed"]
    assert found["nccl"] == {"failed": "out of luck"}
    assert [line.split()[:2] for line in gpu.tabulate(found).splitlines()] == [
        ["overhead", "ratio"],
        *([part, "FAILED:"] for part in ("peer", "decoding", "nccl")),
        ["truth", "ratio"],
    ]


def test_parts_without_time_or_without_a_device_are_reported_as_not_begun(benchmarks, monkeypatch, tmp_path):
    import gpu

    worker = tmp_path / "worker.py"
    worker.write_text('print(\'{"failed": "no card", "ended": true}\')')
    monkeypatch.setattr(gpu, "WORKER", worker)
    for seconds, reason in ((75, "no card"), (0, "no time")):
        found = dict(gpu.run_parts({"seconds": 75}, ["overhead", "truth"], seconds))
        assert reason in found["start"]["failed"]
        assert found["overhead"] == found["truth"] == {"failed": "not begun"}


def test_a_gpu_s_benchmarks_run_on_a_cpu_in_small(tmp_path):
    """The same parts on a device that is there; what needs none is right."""
    script, output = REPOSITORY / "benchmarks" / "gpu.sh", tmp_path / "gpu.json"
    small = ["--device", "cpu", "--model", "vit_pocket_patch8_56", "--images", "16", "--batch", "8"]
    wanted = ["--parts", "truth", "nccl", "--output", str(output)]
    environment = {**os.environ, "PYTHON": sys.executable}
    run = subprocess.run([script, *small, *wanted], env=environment, capture_output=True, text=True, check=True)
    parts = json.loads(output.read_text())["parts"]
    assert list(parts) == ["start", "truth", "nccl"] and "truth" in run.stdout
    assert parts["truth"]["images"] == 16 and parts["truth"]["least_cka"] < 0.99
    assert 0 < parts["truth"]["difference_sums"] < 1e-5 < parts["truth"]["difference_passes"]
    assert parts["nccl"]["backend"] == "gloo"
