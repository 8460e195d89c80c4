"""What the benchmarks compare: the peer's matrix put together in order, and the modules that it is shown."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import timm

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


def test_three_comparisons_of_the_peer_make_one_matrix_in_our_order(benchmarks, monkeypatch):
    import peer

    whole, rows = np.arange(25.0).reshape(5, 5), {"vit": slice(0, 2), "cnn": slice(2, 5)}
    whole = whole + whole.T
    asked = []

    def ask_once(case, batches, names, pair):
        asked.append(pair)
        return whole[rows[pair[0]], rows[pair[1]]]

    monkeypatch.setattr(peer, "_ask_peer_once", ask_once)
    found = peer._ask_peer(None, [], {"vit": ["a", "b"], "cnn": ["c", "d", "e"]})
    np.testing.assert_array_equal(found, whole)
    assert asked == [("vit", "vit"), ("vit", "cnn"), ("cnn", "cnn")]


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
