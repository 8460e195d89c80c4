"""Progress reaches the terminal of whoever executes, and nothing else."""

import logging
import random
import re
import subprocess
import sys

import pytest
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


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """What a user sees."""
    shown = tmp_path / "terminal"
    shown.touch()
    monkeypatch.setenv(VARIABLE, str(shown))
    return shown


@pytest.fixture
def work(monkeypatch):
    """Work that takes no time but by the clock that the bars' library, tqdm, reads."""
    now = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])

    def do(seconds: float) -> float:
        now[0] += seconds
        return now[0]

    return do


def read_estimates(shown: str) -> list[tuple[int, int]]:
    """Seconds gone and seconds left, wherever a bar said both."""
    clock = r"((?:\d+:)?\d+:\d\d)"
    count = lambda text: sum(60**power * int(part) for power, part in enumerate(reversed(text.split(":"))))  # noqa: E731
    return [tuple(map(count, pair)) for pair in re.findall(rf"\[{clock}<{clock},", shown)]


STEADY = [24.0] * 20
NOISY = [24 * random.Random(number).uniform(0.6, 1.4) for number in range(20)]
FIRST_SLOW = [40.0, *STEADY]
SMALL = [random.Random(number).uniform(0.1, 0.5) for number in range(1000)]
INTERRUPTED = [*[1.0] * 54, *[3.0] * 3, *[1.0] * 200]


@pytest.mark.parametrize("seconds", [STEADY, NOISY, FIRST_SLOW, SMALL, INTERRUPTED])
def test_after_a_minute_a_bar_says_within_a_third_how_long_is_left(seconds, terminal, work):
    ended = [work(each) for each in track(seconds, "toy")][-1]
    gone, left = next(pair for pair in read_estimates(terminal.read_text()) if pair[0] >= 60)
    assert gone < 90 and left == pytest.approx(ended - gone, rel=1 / 3)


def test_items_count_by_their_size(terminal, work):
    """A short last minibatch is no whole one: the estimate is right from the first item on."""
    sizes = [50, 50, 20]
    assert [work(0.4 * size) for size in track(iter(sizes), "toy", 120, size=lambda each: each)][-1] == 48
    shown = terminal.read_text()
    assert read_estimates(shown)[:3] == [(20, 28), (40, 8), (48, 0)] and "120/120" in shown
    terminal.write_text("")
    assert [work(0.4 * size) for size in track(sizes, "toy")]
    assert read_estimates(terminal.read_text())[0] == (20, 40)


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
