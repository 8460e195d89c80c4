"""Benjamini and Hochberg by hand, and which verdicts it takes back."""

import pytest
from handmade import claim, part

from seelike.results import multiplicity
from seelike.results.multiplicity import find_marginal, keep, p_reaching, p_side


def test_keeps_up_to_the_last_that_passes_by_hand():
    # 5 %: the bounds are 0.0125, 0.025, 0.0375, 0.05. The third passes and carries the second, which does not.
    p_values = {"a": 0.01, "b": 0.03, "c": 0.036, "d": 0.9}
    assert keep(p_values, 0.05) == {"a", "b", "c"}
    assert keep(p_values | {"c": 0.038}, 0.05) == {"a"}
    assert keep({"a": 0.05}, 0.05) == {"a"} and keep({"a": 0.051}, 0.05) == set() == keep({}, 0.05)


def test_the_order_does_not_matter_and_more_nulls_take_back():
    p_values = {"a": 0.01, "b": 0.03, "c": 0.036}
    assert keep(dict(reversed(p_values.items())), 0.05) == keep(p_values, 0.05) == {"a", "b", "c"}
    assert keep(p_values | {f"null{i}": 0.9 for i in range(9)}, 0.05) == set()


def test_a_claim_reaches_its_smallest_effects_as_surely_as_its_weakest_part():
    assert p_reaching(claim("S1", part(p=0.001), part(p=0.02))) == 0.02


@pytest.mark.parametrize(
    ("signs", "expected"),
    [((0.01,), 0.02), ((0.99,), 0.02), ((0.5,), 1.0), ((0.001, 0.01), 0.02), ((0.001, 0.995), 0.02), ((0.4, 0.6), 1.0)],
)
def test_the_side_of_a_claim_is_two_sided_and_counts_the_parts_that_could_be_reversed(signs, expected):
    parts = [part(p_sign=sign) for sign in signs]
    assert p_side(claim("U1" if len(signs) == 1 else "S1", *parts)) == pytest.approx(expected)


def test_holds_weak_and_reversed_can_be_marginal_in_families_of_their_own():
    nothing = {f"S{i}": claim(f"S{i}", part(verdict="inconclusive", p=0.9, p_sign=0.5)) for i in range(1, 6)}
    clear = {"U1": claim("U1", part(p=0.001)), "A2": claim("A2", part(verdict="reversed", p=1, p_sign=0.9999))}
    narrow = {
        "A1": claim("A1", part(p=0.02)),
        "L3": claim("L3", part(verdict="weak", p=0.5, p_sign=0.024)),
        "L2": claim("L2", part(verdict="reversed", p=1, p_sign=0.976)),
        "L7": claim("L7", part(verdict="absent", p=0.99, p_sign=0.4)),
    }
    assert find_marginal({**nothing, **clear, **narrow}) == {"A1", "L3", "L2"}
    assert all(find_marginal({key: entry}) == set() for key, entry in narrow.items())


def test_what_does_not_apply_or_has_no_interval_is_in_no_family():
    alone = {"U1": claim("U1", part(p=0.02))}
    left_out = {
        **{f"S{i}": claim(f"S{i}", part(verdict="not applicable", p=0.9)) for i in range(1, 6)},
        "A1": claim("A1", part(verdict="inconclusive", p=None, p_sign=None)),
    }
    assert find_marginal(alone | left_out) == set() == find_marginal({})


def test_claims_of_another_table_take_nothing_back(monkeypatch):
    narrow = {"U1": claim("U1", part(p=0.02))}
    nulls = {f"S{i}": claim(f"S{i}", part(verdict="inconclusive", p=0.9)) for i in range(1, 6)}
    assert find_marginal(narrow | nulls) == {"U1"}
    monkeypatch.setattr(multiplicity, "OF_PAPER", {"U1"})
    monkeypatch.setattr(multiplicity, "AROUND", nulls)
    assert find_marginal(narrow | nulls) == set()
