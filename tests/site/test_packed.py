"""Arrays in few bytes: what comes out is within half a step of what went in."""

import numpy as np
import pytest
from unpacked import unpack

from seelike.site import packed
from seelike.system.errors import InputError


def test_values_are_off_by_half_a_step_at_most():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(3, 4, 5)) * np.array([1, 10, 100]).reshape(3, 1, 1)
    arrays = {"one scale": (wide, 0), "a scale for each": (wide, 1), "narrow": (wide[0].astype("float32"), 0)}
    for name, (values, precision) in unpack(packed.pack(arrays)).items():
        assert np.abs(values - arrays[name][0]).max() <= precision * (1 + 1e-5)
    first = {name: np.abs(values[0] - wide[0]).max() for name, (values, _) in unpack(packed.pack(arrays)).items()}
    assert first["a scale for each"] < first["one scale"]


def test_what_is_the_same_everywhere_stays_so():
    ((values, precision),) = unpack(packed.pack({"flat": (np.full((2, 2), 0.3), 1)})).values()
    assert (values == 0.3).all() and precision == 0


def test_no_array_is_written_that_has_holes(tmp_path):
    with pytest.raises(InputError, match="holes"):
        packed.write(tmp_path / "x.bin", {"holes": (np.array([1, np.nan]), 0)})
    assert not list(tmp_path.iterdir())
