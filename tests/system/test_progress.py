"""Progress reaches the terminal of whoever executes, and nothing else."""

import logging
import subprocess
import sys

from tqdm import tqdm

from seelike.system.progress import VARIABLE, libraries_on_terminal, relay, tell, track


def test_without_a_terminal_items_pass_unchanged(monkeypatch, capfd):
    monkeypatch.delenv(VARIABLE, raising=False)
    items = [1, 2, 3]
    assert track(items, "toy") is items
    assert capfd.readouterr().err == ""


def test_bars_of_a_child_process_appear_here(capfd):
    code = "from seelike.system.progress import track; list(track(range(3), 'child work'))"
    with relay():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
    assert "child work: 100%" in capfd.readouterr().err


def test_a_line_reaches_the_terminal_and_nothing_else(tmp_path, monkeypatch, capfd):
    terminal = tmp_path / "terminal"
    terminal.touch()
    monkeypatch.setenv(VARIABLE, str(terminal))
    tell("a remark")
    assert terminal.read_text() == "a remark\n"
    monkeypatch.delenv(VARIABLE)
    tell("another")
    assert capfd.readouterr() == ("", "")


def test_what_libraries_say_goes_to_the_terminal_while_inside(tmp_path, monkeypatch, capfd):
    terminal = tmp_path / "terminal"
    terminal.touch()
    logger, handler = logging.getLogger("some_library"), logging.StreamHandler()
    own = handler.stream
    logger.addHandler(handler)
    for channel in (str(terminal), ""):
        monkeypatch.setenv(VARIABLE, channel)
        with libraries_on_terminal("some_library"):
            list(tqdm(range(3), "a bar of its own", disable=None))  # shown on a terminal alone
            logger.warning("a remark")
        assert handler.stream is own
    shown = terminal.read_text()
    assert shown.count("a bar of its own: 100%") == 1 and shown.count("a remark") == 1
    assert capfd.readouterr() == ("", "")
    logger.removeHandler(handler)
