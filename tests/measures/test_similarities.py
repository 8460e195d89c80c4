"""Every measure of similarity: an independent slow form of it, closed forms, what it sees and what not, bad input."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata, spearmanr

from seelike.measures.cka import gram, multiply
from seelike.measures.similarities import procrustes
from seelike.measures.similarities.all_pairs import AllPairs
from seelike.measures.similarities.choices import MEASURES, check_measure
from seelike.measures.similarities.distances import square_distances
from seelike.measures.similarities.mutual_neighbours import count_neighbours, mark_nearest
from seelike.measures.similarities.rsa import rank
from seelike.system.errors import Degenerate, InputError

every_measure = pytest.mark.parametrize("measure", MEASURES)


def draw(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def compare(measure: str, *layers: torch.Tensor) -> np.ndarray:
    """Similarities of layers given as tensors (minibatches, n, features)."""
    accumulated = AllPairs(MEASURES[measure])
    for minibatch in zip(*layers, strict=True):
        accumulated.update({str(i): multiply(each) for i, each in enumerate(minibatch)})
    return accumulated.result().values


def hsic_slowly(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. (2012), eq. 5, of matrices without their diagonals."""
    n = len(k)
    k, m = (each * (1 - np.eye(n)) for each in (k, m))
    return (np.trace(k @ m) + k.sum() * m.sum() / (n - 1) / (n - 2) - 2 * (k.sum(0) @ m.sum(0)) / (n - 2)) / n / (n - 3)


def multiply_slowly(measure: str, x: np.ndarray, y: np.ndarray) -> float:
    """The product of two layers on one minibatch, from features and SciPy."""
    n = len(x)
    if measure == "cka":
        return hsic_slowly(x @ x.T, y @ y.T)
    if measure == "rsa":
        ranks = [rankdata(pdist(z)) for z in (x, y)]
        return float(np.cov(*ranks, ddof=0)[0, 1])
    if measure == "knn":
        k = min(10, (n - 1) // 2)
        sets = [[{*found} - {i} for i, found in enumerate(KDTree(z).query(z, k + 1)[1].tolist())] for z in (x, y)]
        return np.mean([len(a & b) / k for a, b in zip(*sets, strict=True)]) - k / (n - 1)
    if measure == "procrustes":
        return orthogonal_procrustes(*(np.pad(z - z.mean(0), ((0, 0), (0, 30 - z.shape[1]))) for z in (x, y)))[1]
    kernels = [
        np.exp(-(squareform(d := pdist(z)) ** 2) / 2 / (np.quantile(d, 0.5, method="lower") / 2) ** 2) for z in (x, y)
    ]
    return hsic_slowly(*kernels)


@every_measure
@pytest.mark.parametrize("n", [5, 12, 30])
def test_agrees_with_an_independent_slow_form(generator, measure, n):
    x, y = draw(generator, 3, n, 5) + 3, draw(generator, 3, n, 9)
    y[..., :2] += x[..., :2] ** 2
    minibatches = list(zip(x.numpy(), y.numpy(), strict=True))
    xy, xx, yy = (
        sum(multiply_slowly(measure, *choose(*both)) for both in minibatches)
        for choose in (lambda a, b: (a, b), lambda a, b: (a, a), lambda a, b: (b, b))
    )
    found = compare(measure, x, y)
    assert found[0, 1] == pytest.approx(xy / (xx * yy) ** 0.5, abs=1e-7)
    assert found[0, 1] == found[1, 0]
    assert np.diag(found) == pytest.approx([1, 1])


def test_of_one_minibatch_rsa_is_spearmans_correlation_and_mutual_neighbours_their_share(generator):
    x, y = draw(generator, 1, 25, 4), draw(generator, 1, 25, 3)
    y[..., 0] += x[..., 0]
    assert compare("rsa", x, y)[0, 1] == pytest.approx(spearmanr(pdist(x[0]), pdist(y[0])).statistic)
    share = multiply_slowly("knn", x[0].numpy(), y[0].numpy()) + 10 / 24
    assert compare("knn", x, y)[0, 1] == pytest.approx((share - 10 / 24) / (1 - 10 / 24))


def test_hand_computed_toys():
    """Five images on a line, at 0, 1, 3, 7, 15, and in another order; n = 5, so that an image has two neighbours."""
    line, other = torch.tensor([0.0, 1, 3, 7, 15]), torch.tensor([15.0, 1, 3, 7, 0])
    x, y = line[None, :, None].double(), other[None, :, None].double()
    # Distances of pairs (01, 02, 03, 04, 12, 13, 14, 23, 24, 34): 1 3 7 15 2 6 14 4 12 8 and 14 12 8 15 2 6 1 4 3 7.
    # Ranks 1 3 6 10 2 5 9 4 8 7 and 9 8 7 10 2 5 1 4 3 6: Σd² = 64+25+1+0+0+0+64+0+25+1 = 180, ρ = 1 − 6·180/990.
    assert compare("rsa", x, y)[0, 1] == pytest.approx(1 - 6 * 180 / 990)
    # Neighbours {1,2} {0,2} {0,1} {1,2} {2,3} and {2,3} {2,4} {1,4} {1,2} {1,2}: 1, 1, 1, 2, 1 of 2 in common: 0.6.
    assert compare("knn", x, y)[0, 1] == pytest.approx((0.6 - 0.5) / (1 - 0.5))
    # One feature each: the nuclear norm is |⟨x, y⟩|, of the centred.
    assert compare("procrustes", x, y)[0, 1] == pytest.approx(abs(np.corrcoef(line, other)[0, 1]))


@every_measure
def test_blind_to_rotation_scale_and_shift_but_not_to_shuffled_images(generator, measure):
    x = draw(generator, 3, 24, 6)
    orthogonal = torch.linalg.qr(draw(generator, 6, 6)).Q
    values = compare(measure, x, x @ orthogonal, -7 * x, x + 5, x[:, torch.randperm(24, generator=generator)])
    assert values[0, 1:4] == pytest.approx([1, 1, 1], abs=1e-7)
    assert values[0, 4] < 0.7


@every_measure
def test_stretching_is_seen_although_a_linear_reader_would_not_notice(generator, measure):
    x = draw(generator, 3, 24, 6)
    stretch = torch.tensor([30.0, 1, 1, 1, 1, 0.1], dtype=torch.float64)
    assert compare(measure, x, x * stretch)[0, 1] < 0.8


@every_measure
def test_images_in_another_order_in_both_layers_change_nothing(generator, measure):
    x, y = draw(generator, 2, 20, 6), draw(generator, 2, 20, 3)
    order = torch.randperm(20, generator=generator)
    assert compare(measure, x[:, order], y[:, order]) == pytest.approx(compare(measure, x, y), abs=1e-9)


@every_measure
def test_unrelated_layers_are_unlike_but_for_procrustes(generator, measure):
    """Of few images in many directions, some rotation always brings one layer near the other."""
    x, y = draw(generator, 40, 16, 50), draw(generator, 40, 16, 50)
    found = compare(measure, x, y)[0, 1]
    assert found > 0.5 if measure == "procrustes" else abs(found) < 0.05


def test_only_what_looks_at_ranks_is_blind_to_a_bend_of_all_distances(generator):
    """The power 0.6 of all distances keeps their order, and belongs to images in more directions (Schoenberg 1938)."""
    x = draw(generator, 30, 4)
    values, vectors = torch.linalg.eigh(procrustes.centre_whole(torch.cdist(x, x) ** 1.2 / -2))
    bent = vectors * values.clamp_min(0).sqrt()
    assert pdist(bent) == pytest.approx(pdist(x) ** 0.6)
    found = {measure: compare(measure, x[None], bent[None])[0, 1] for measure in MEASURES}
    assert found["rsa"] == pytest.approx(1) and found["knn"] == pytest.approx(1)
    assert found["cka"] < 0.98 and found["procrustes"] < 0.9 and found["rbf_cka"] < 0.999


def test_the_angular_shape_distance_obeys_the_triangle_inequality_and_procrustes_its_definition(generator):
    layers = [draw(generator, 1, 12, 4) for _ in range(6)]
    angle = np.arccos(np.clip(compare("procrustes", *layers), -1, 1))
    for a, b, c in combinations(range(6), 3):
        assert angle[a, c] <= angle[a, b] + angle[b, c] + 1e-9
    x, y = ((z := layer[0].numpy() - layer[0].numpy().mean(0)) / np.linalg.norm(z) for layer in layers[:2])
    rotation = orthogonal_procrustes(y, x)[0]
    left = np.linalg.norm(x - y @ rotation) ** 2
    assert left == pytest.approx(2 - 2 * compare("procrustes", *layers[:2])[0, 1])


def test_procrustes_takes_the_smaller_side_whichever_comes_first_and_several_threads(generator, monkeypatch):
    wide, narrow = draw(generator, 1, 20, 40), draw(generator, 1, 20, 3)
    narrow = narrow + wide[..., :3]
    expected = multiply_slowly("procrustes", wide[0, :, :30].numpy(), narrow[0].numpy())
    for n_threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=n_threads: n)
        for order in ((0, 1, 2), (2, 1, 0)):
            layers = [multiply((wide[0, :, :30], narrow[0], wide[0])[i]) for i in order]
            found = procrustes.multiply_shapes(torch.stack(layers))
            assert found[order.index(0), order.index(1)].item() == pytest.approx(expected, rel=1e-9)
    assert [f.shape for f in procrustes.factorize(procrustes.centre_whole(multiply(narrow[0])[None]))] == [(20, 3)]


def test_ranks_of_ties_are_their_mean(generator):
    values = torch.randint(0, 4, (3, 20), generator=generator).double()
    assert rank(values).numpy() == pytest.approx(rankdata(values.numpy(), axis=-1))


def test_distances_are_those_of_features_despite_a_large_mean(generator):
    x = draw(generator, 12, 400) + 1000
    found = square_distances(multiply(x.float())[None])[0]
    assert found.numpy() == pytest.approx(squareform(pdist(x.numpy())) ** 2, rel=1e-4)
    assert not found.diagonal().any()


def test_an_image_is_no_neighbour_of_itself_and_the_same_image_twice_is_one(generator):
    x = draw(generator, 9, 3)
    x[4] = x[0]
    near = mark_nearest(square_distances(multiply(x)[None]), 2)[0]
    assert not near.diagonal().any() and (near.sum(1) == 2).all() and near[0, 4] == near[4, 0] == 1
    assert [count_neighbours(n) for n in (4, 5, 20, 21, 1000)] == [1, 2, 9, 10, 10]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_images_that_are_all_equally_far_apart_have_no_ranks_and_no_similarity(generator):
    corners, x = torch.eye(6, dtype=torch.float64)[None], draw(generator, 1, 6, 3)
    assert np.isnan(compare("rsa", corners, x)[0, 1])
    assert np.isfinite(compare("procrustes", corners, x)).all()


@every_measure
def test_a_layer_that_no_image_changes_and_one_that_is_not_finite_are_refused_by_name(generator, measure):
    fine, accumulated = multiply(draw(generator, 6, 3)), AllPairs(MEASURES[measure])
    with pytest.raises(Degenerate, match="layer b.*the same for every image"):
        accumulated.update({"a": fine, "b": torch.full((6, 6), 2.0, dtype=torch.float64)})
    with pytest.raises(InputError, match="layer b.*finite"):
        AllPairs(MEASURES[measure]).update({"a": fine, "b": fine * float("nan")})


def test_what_is_centred_already_has_lost_its_distances(generator):
    """Only CKA may be fed with `gram`: the others need the diagonal."""
    x = draw(generator, 8, 3)
    assert not torch.allclose(square_distances(gram(x)[None]), square_distances(multiply(x)[None]))


def test_a_name_that_is_no_measure_is_refused():
    with pytest.raises(InputError, match="measure.*cka, rsa, knn, procrustes, rbf_cka.*'cca'"):
        check_measure("cca")
