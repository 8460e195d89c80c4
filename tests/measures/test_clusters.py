"""Clusters: scores by hand and against a slow oracle, means of clear heaps."""

from itertools import combinations

import numpy as np
import pytest
import torch

from seelike.measures.clusters import count_pairs, find_means, matched_share, mutual_information, rand_index

SCORES = (mutual_information, rand_index, matched_share)
RANDOM = torch.randint(0, 4, (2, 50), generator=torch.Generator().manual_seed(0))


def count(clusters: list[int], labels: list[int]) -> np.ndarray:
    return count_pairs(torch.tensor(clusters), torch.tensor(labels))


def test_pairs_are_counted():
    np.testing.assert_array_equal(count([0, 2, 2, 2], [1, 0, 1, 1]), [[0, 1], [0, 0], [1, 2]])
    parts = [count_pairs(*each, (4, 4)) for each in zip(*RANDOM.reshape(2, 5, 10), strict=True)]
    np.testing.assert_array_equal(sum(parts), count_pairs(*RANDOM))
    with pytest.raises(ValueError, match="3 clusters cannot be compared with 2 labels"):
        count([0, 0, 0], [0, 0])


def test_information_by_hand():
    assert mutual_information(count([0, 0, 1, 1], [3, 3, 1, 1])) == pytest.approx(1)
    assert mutual_information(count([0, 1, 0, 1], [0, 0, 1, 1])) == pytest.approx(0, abs=1e-12)
    halves = mutual_information(count([0, 0, 1, 1], [0, 1, 2, 2]))  # 1 bit of means of 1 and 1.5
    assert halves == pytest.approx(1 / 1.25)
    assert mutual_information(count([0, 0, 0], [0, 0, 0])) == 0


def test_the_rand_index_counts_pairs():
    clusters, labels = RANDOM.tolist()
    pairs = list(combinations(range(50), 2))
    same = [[of[i] == of[j] for i, j in pairs] for of in (clusters, labels)]
    both, one, other = (sum(each) for each in (map(min, *same), *same))
    chance = one * other / len(pairs)
    assert rand_index(count_pairs(*RANDOM)) == pytest.approx((both - chance) / ((one + other) / 2 - chance))
    assert rand_index(count([0, 0, 1], [1, 1, 0])) == 1 and rand_index(count([0, 0], [0, 0])) == 0


def test_each_cluster_is_matched_with_one_label():
    assert matched_share(count([0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 0, 1])) == pytest.approx(4 / 6)
    assert matched_share(count([0, 1, 2, 3], [0, 0, 0, 0])) == pytest.approx(1 / 4)


@pytest.mark.parametrize("score", SCORES)
def test_names_of_clusters_do_not_matter_but_who_is_in_them_does(score):
    clusters, labels = RANDOM
    known = score(count_pairs(clusters, labels))
    assert score(count_pairs(3 - clusters, labels)) == pytest.approx(known)
    assert score(count_pairs(labels, clusters)) == pytest.approx(known)
    assert score(count_pairs(labels, labels)) == pytest.approx(1)
    assert score(count_pairs(labels.roll(1), labels)) < 0.9


def test_clear_heaps_are_found_and_the_same_again():
    labels = torch.arange(60) % 3
    rows = 10.0 * torch.nn.functional.one_hot(labels) + torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    found = find_means(rows, 3)
    assert mutual_information(count_pairs(found, labels)) == pytest.approx(1)
    assert torch.equal(found, find_means(rows, 3))
    assert len(find_means(torch.zeros(4, 2), 2)) == 4
