"""Which changes there are, and that all models see the same ones."""

import numpy as np
import pytest
import torch

from seelike.measures.kept import INTACT, Kept
from seelike.measures.patch_changes import (
    CLAIMED,
    DROPPED,
    FINE,
    FINE_MEAN,
    GROUND,
    HALF,
    MEAN,
    OBJECT,
    OFF_GRID,
    OFF_GRID_MEAN,
    OWN_TILES,
    QUARTER,
    SHARED,
    SHARED_TILES,
    TILES,
    arrays,
    find_terms,
    list_changes,
    list_universes,
    vary_changes,
    vary_terms,
)

BLACK = torch.full((3,), -1.0)


def change(condition, masks=None, size=(8, 8), n=3):
    images = torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(0))
    return images, list_changes(size, (4, 4), BLACK, 0, masks)[condition](images, range(n))


def test_the_claims_conditions_are_among_them():
    changes = list_changes((8, 8), (4, 4), BLACK, 0)
    assert {INTACT, *CLAIMED.values()} <= changes.keys() and (OBJECT, QUARTER) not in changes
    assert [number for kind, number in changes if kind == TILES] == [2, 4, 8]


@pytest.mark.parametrize("kind", [DROPPED, OFF_GRID])
def test_half_of_the_pixels_are_black(kind):
    images, found = change((kind, HALF))
    assert (found == -1).all(1).float().mean((1, 2)).tolist() == [0.5] * 3
    assert torch.equal(found[found != -1], images[found != -1])


def test_a_finer_grid_has_smaller_holes_and_the_mean_colour_is_0():
    _, fine = change((FINE, HALF))
    holes = (fine == -1).all(1)
    assert holes.float().mean((1, 2)).tolist() == [0.5] * 3
    assert not torch.equal(holes[:, ::2, ::2], holes[:, 1::2, 1::2])  # cells are of one pixel, not of two
    (_, black), (_, mean) = change((DROPPED, HALF)), change((MEAN, HALF))
    assert torch.equal(mean == 0, black == -1)


def test_off_the_grid_the_holes_lie_half_a_cell_away():
    (_, on), (_, off) = change((DROPPED, HALF)), change((OFF_GRID, HALF))
    assert torch.equal((off == -1), (on == -1).roll((1, 1), (2, 3)))


def test_known_objects_are_dropped_or_kept():
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[:, :4, :4] = True  # a quarter of the cells
    _, without = change((OBJECT, QUARTER), masks)
    assert torch.equal((without == -1).all(1), masks)
    _, ground = change((GROUND, QUARTER), masks)
    assert not ((ground == -1).all(1) & masks).any() and (ground == -1).all(1).sum() == masks.sum()


def test_the_tiles_of_the_grid_are_those_that_divide_as_it_does():
    assert torch.equal(change(OWN_TILES)[1], change((TILES, 4))[1])
    assert OWN_TILES not in list_changes((10, 10), (4, 4), BLACK, 0)


def make(**accuracy) -> Kept:
    known = {
        INTACT: 0.9,
        (DROPPED, 0.25): 0.8,
        (DROPPED, HALF): 0.5,
        (OFF_GRID, HALF): 0.3,
        OWN_TILES: 0.7,
        (TILES, 4): 0.7,
    }
    return Kept(
        {each: np.full(8, value - accuracy.get("less", 0) * (each != INTACT)) for each, value in known.items()}, 0.1
    )


def test_terms_are_shares_of_vit_less_those_of_cnn():
    terms = find_terms(make(), make(less=0.08))
    assert {part: sum(of.values())[0] for part, of in terms.items()} == pytest.approx({"I1": 0.1, "I2": 0.1, "I3": 0.1})
    assert terms["I3"]["vit",][0] == pytest.approx(0.6 / 0.8)
    swapped = find_terms(make(less=0.08), make())
    assert sum(swapped["I1"].values()) == pytest.approx(-sum(terms["I1"].values()))


def test_arrays_are_by_kind_of_change():
    found = arrays(make())
    assert found["kept_dropped"].axes == {"share": [0.25, 0.5]}
    assert found["kept_by_place"].axes["dropped"][:2] == ["50% at random", "50% at random, off the grid"]
    assert found["kept_shuffled"].axes == {"tiles a side": [4]}
    assert found["kept_shuffled"].values == pytest.approx([0.75])


def vary(condition, n=3):
    images = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return vary_changes((8, 8), (4, 4), BLACK, 0)[condition](images, range(n))


def test_a_draw_for_a_minibatch_is_that_of_its_first_image():
    shared, each = vary(SHARED) == -1, vary((DROPPED, HALF)) == -1
    assert torch.equal(shared, each[:1].expand_as(shared)) and not torch.equal(each[1], each[0])
    alike = torch.arange(64.0).view(1, 1, 8, 8).expand(3, 3, 8, 8)
    change = vary_changes((8, 8), (4, 4), BLACK, 0)
    shuffled = change[SHARED_TILES](alike, range(3))
    assert torch.equal(shuffled[1], shuffled[0]) and not torch.equal(change[OWN_TILES](alike, range(3))[1], shuffled[1])


@pytest.mark.parametrize(("mean", "black"), [(OFF_GRID_MEAN, (OFF_GRID, HALF)), (FINE_MEAN, (FINE, HALF))])
def test_holes_of_the_mean_colour_are_where_black_ones_are(mean, black):
    assert torch.equal(vary(mean) == 0, vary(black) == -1)


def test_what_is_varied_has_all_that_the_universes_ask_and_no_more():
    asked = vary_changes((8, 8), (4, 4), BLACK, 0)
    near = tuple(each for each in asked if each[0] == TILES)
    assert near == ((TILES, 2), (TILES, 8))
    assert asked.keys() == {INTACT, *(each for *_, conditions in list_universes(near) for each in conditions)}
    uneven = vary_changes((10, 10), (4, 4), BLACK, 0)
    assert not {OWN_TILES, SHARED_TILES} & uneven.keys() and not [kind for kind, _ in uneven if kind == TILES]


def test_the_published_universe_is_what_the_claims_say_and_others_are_not():
    found = list(vary_terms(make(), make(less=0.08)))
    assert [choices["kept"] for choices, _ in found] == ["share", "raw", "lost", "accuracy"] * 4
    published = [terms for choices, terms in found if choices["kept"] == "share" and "near" not in choices.values()]
    for own, (part, expected) in zip(published, find_terms(make(), make(less=0.08)).items(), strict=True):
        assert all((own[part][roles] == each).all() for roles, each in expected.items())
    lost = next(terms["I1"] for choices, terms in found if choices["kept"] == "lost")
    assert sum(lost.values()) == pytest.approx([0.08] * 9)
