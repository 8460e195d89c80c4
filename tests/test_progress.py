"""Progress reaches the terminal of whoever executes, and nothing else."""

import subprocess
import sys

from seelike.progress import VARIABLE, relay, track


def test_without_a_terminal_items_pass_unchanged(monkeypatch, capfd):
    monkeypatch.delenv(VARIABLE, raising=False)
    items = [1, 2, 3]
    assert track(items, "toy") is items
    assert capfd.readouterr().err == ""


def test_bars_of_a_child_process_appear_here(capfd):
    code = "from seelike.progress import track; list(track(range(3), 'child work'))"
    with relay():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
    assert "child work: 100%" in capfd.readouterr().err
