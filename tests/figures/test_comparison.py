"""Two results in one picture, and where it may go."""

import pytest
from handmade import result
from PIL import Image

from seelike.figures.comparison import plot
from seelike.system.errors import InputError


def test_the_plot_is_a_picture_and_refused_where_it_cannot_be(tmp_path):
    plot({"one": result(), "other": result(0.8)}, tmp_path / "claims.png")
    with Image.open(tmp_path / "claims.png") as picture:
        assert picture.width > 400
    for bad in (tmp_path / "claims.txt", tmp_path / "nowhere" / "claims.png"):
        with pytest.raises(InputError, match="PICTURE must be a .png, .svg, .pdf in a folder that is there"):
            plot({"one": result(), "other": result(0.8)}, bad)
    assert [file.name for file in tmp_path.iterdir()] == ["claims.png"]
    less = result()
    less.claims.clear()
    with pytest.raises(InputError, match="--plot draws claims, and uniformity has none"):
        plot({"one": result(), "other": less}, tmp_path / "claims.png")
