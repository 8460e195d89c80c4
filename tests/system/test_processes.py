"""Processes that share work: pieces in their order, refusals said once, a killed process ends the others."""

import signal
import time

import pytest
from ranks import PATIENCE, finish, start

from seelike.system import processes as sharing


def test_one_process_does_everything_itself():
    with sharing.joined():
        assert sharing.share([1, 2, 3]) == sharing.gather([1, 2, 3]) == [1, 2, 3]
        assert sharing.spread([1, 2], str) == ["1", "2"] and sharing.once(lambda: 5) == sharing.in_turn(lambda: 5) == 5
        assert sharing.is_first() and sharing.count() == 1


@pytest.mark.processes
def test_three_processes_give_all_pieces_in_order(tmp_path):
    work = """
    found = sharing.gather([10 * piece for piece in sharing.share(range(8))])
    assert found == [0, 10, 20, 30, 40, 50, 60, 70]
    names = sharing.spread("abcd", lambda each: (each, rank, sharing.count()))
    assert names == [("a", 0, 1), ("b", 1, 1), ("c", 2, 1), ("d", 0, 1)]
    assert sharing.once(lambda: rank) == 0
    with sharing.alone():
        assert sharing.share([1, 2]) == sharing.gather([1, 2]) == [1, 2]
    order = sharing.in_turn(lambda: open("order", "a").write(str(rank)))
    assert sharing.is_first() == (rank == 0)
    """
    assert finish(start(3, work, tmp_path)) == [(0, "", "")] * 3
    assert (tmp_path / "order").read_text()[0] == "0"


@pytest.mark.processes
def test_a_refusal_of_any_process_is_said_once_by_the_first(tmp_path):
    work = """
    if rank == 1:
        raise InputError("n must be 1, not 2")
    sharing.gather([1])
    open("late", "w")
    """
    found = finish(start(2, work, tmp_path))
    assert [code for code, *_ in found] == [2, 2]
    assert [err for *_, err in found] == ["seelike: n must be 1, not 2\n", ""]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
def test_what_nobody_foresaw_is_shown_by_the_process_that_failed(tmp_path):
    work = """
    if rank == 1:
        raise ValueError("odd")
    sharing.gather([1])
    """
    (first, _, said), (second, _, trace) = finish(start(2, work, tmp_path))
    assert first == second == 3
    assert said == "seelike: process 1 failed: ValueError: odd\n"
    assert trace.startswith("Traceback") and trace.endswith("ValueError: odd\n")


@pytest.mark.processes
def test_a_killed_process_ends_the_others_soon(tmp_path):
    work = """
    open(f"ready{rank}", "w")
    if rank > 0:
        time.sleep(600)
    sharing.gather([rank])
    open("late", "w")
    """
    _waiting, told, killed = processes = start(3, work, tmp_path)
    deadline = time.monotonic() + PATIENCE
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    killed.kill()
    told.terminate()  # as torchrun does with those that are left
    found = finish(processes)
    assert [code for code, *_ in found] == [3, 143, -signal.SIGKILL]
    assert "seelike: another of 3 processes has ended; process 0 ends too, and nothing is left" in found[0][2]
    assert "seelike: process 1 was told to end" in found[1][2] and "Traceback" not in found[1][2]
    assert not (tmp_path / "late").exists()
