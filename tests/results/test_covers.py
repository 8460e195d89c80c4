"""Claims are sorted by what their intervals cover."""

from handmade import claim, part

from seelike.results.covers import covers_trainings, split


def test_each_claim_that_applies_is_of_one_kind():
    claims = {
        "U1": claim("U1", part(), trainings=3),
        "A3": claim("A3", part()),
        "S6": claim("S6", part(verdict="not applicable")),
        "C1": claim("C1", part()) | {"covers": "kernels", "trainings": {}},
    }
    assert {kind: list(there) for kind, there in split(claims).items()} == {"trainings": ["U1", "C1"], "images": ["A3"]}
    assert [covers_trainings(entry) for entry in claims.values()] == [True, False, False, True]
    assert split({}) == {"trainings": {}, "images": {}}
