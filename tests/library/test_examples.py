"""The example in the docstring of every public call, executed."""

import doctest
from importlib import import_module

import matplotlib
import pytest

import seelike as sl

matplotlib.use("agg")


@pytest.mark.parametrize("name", sl.__all__)
def test_the_examples_of_a_call_give_what_they_say(name):
    found = doctest.DocTestFinder(exclude_empty=True).find(import_module(f"seelike.library.{name}"))
    examples = [test for test in found if test.examples]
    assert examples
    for test in examples:
        said = []
        failed, tried = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
        assert tried and not failed, "".join(said)
