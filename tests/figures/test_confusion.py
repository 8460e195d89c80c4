"""The confusion figure draws shares of each class."""

import matplotlib.pyplot as plt
import numpy as np

from seelike.figures.confusion import confusion


def test_rows_are_shares_of_a_class():
    cards = {"ViT": {"classes": "0011", "answers": "0101"}, "CNN": {"classes": "0011", "answers": "0011"}}
    axes = confusion(cards, ("cat", "dog"))
    drawn = [ax.images[0].get_array() for ax in axes[:2]]
    np.testing.assert_allclose(drawn[0], 0.5)
    np.testing.assert_allclose(drawn[1], np.eye(2))
    assert [ax.get_title() for ax in axes[:2]] == ["ViT", "CNN"]
    plt.close("all")
