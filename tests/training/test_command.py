"""The command line of training refuses in one sentence what it cannot use."""

import re
import sys

import pytest

from seelike.training import command


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["vit_pocket"], "MODEL must be one of vit_pocket_patch8_56.shapes, .*, not vit_pocket"),
        (["--minutes", "0"], "--minutes must be more than 0"),
        (["--minutes", "nan"], "--minutes must be more than 0"),
        (["--processes", "-1"], "--processes must be more than 0"),
        (["--device", "gpu7"], "device"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["seelike.training", *arguments])
    try:
        code = command.main()
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(complaint, message), message
    assert not list(tmp_path.iterdir())
