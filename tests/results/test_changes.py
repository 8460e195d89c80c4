"""Which verdicts have changed: from a history made by hand, whatever the form of its results."""

import json
import subprocess

import pytest
from git_clone import git

from seelike.results.changes import NO_HISTORY, read_changes
from seelike.tables.changes import NONE, changes
from seelike.tables.markdown import NO_BREAK


@pytest.fixture
def clone(tmp_path):
    """A repository of one commit without results."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "README").write_text("book")
    commit(tmp_path, "begin")
    return tmp_path


def commit(folder, subject: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={subject}")


def publish(folder, subject: str, name: str = "pocket/uniformity", **verdicts: str) -> None:
    path = folder / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"claims": {id: {"verdict": verdict} for id, verdict in verdicts.items()}}))
    commit(folder, subject)


def told(folder) -> list[tuple]:
    found = read_changes(folder)
    assert found.lacks == ""
    return [(each.commit.subject, each.run, each.claim, each.before, each.after) for each in found.changes]


def test_a_verdict_that_is_another_now_is_listed_and_no_other(clone):
    publish(clone, "first", U1="holds", U2="open")
    publish(clone, "same", U1="holds", U2="open", U3="weak")
    publish(clone, "other", U1="weak", U2="open", U3="weak")
    publish(clone, "elsewhere", "cifar10/uniformity", U1="reversed")
    assert told(clone) == [("other", "pocket", "U1", "holds", "weak")]


def test_what_was_taken_back_is_compared_with_what_comes_later(clone):
    publish(clone, "first", U1="holds")
    (clone / "results" / "pocket" / "uniformity.json").unlink()
    commit(clone, "take back")
    publish(clone, "again", U1="absent")
    assert told(clone) == [("again", "pocket", "U1", "holds", "absent")]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"claims": 1}', '{"claims": {"U1": 1, "U2": {"verdict": 2}}}'])
def test_what_is_in_no_known_form_is_passed_over(clone, text):
    publish(clone, "first", U1="holds")
    (clone / "results" / "pocket" / "uniformity.json").write_text(text)
    commit(clone, "odd")
    publish(clone, "later", U1="weak", X9="holds")
    publish(clone, "another", "pocket/robustness", U1="reversed")
    publish(clone, "unknown", U1="weak", X9="weak")
    assert told(clone) == [("later", "pocket", "U1", "holds", "weak")]


def test_what_a_merge_changes_is_its_own(clone):
    publish(clone, "first", U1="holds")
    git(clone, "checkout", "--quiet", "-b", "side")
    publish(clone, "aside", U1="weak")
    git(clone, "checkout", "--quiet", "main")
    (clone / "README").write_text("more")
    commit(clone, "meanwhile")
    git(clone, "merge", "--quiet", "--no-ff", "--message=merged", "side")
    assert told(clone) == [("merged", "pocket", "U1", "holds", "weak")]


def test_without_a_history_or_with_half_of_it_one_sentence_says_so(clone, tmp_path_factory):
    bare = tmp_path_factory.mktemp("copy")
    assert (read_changes(bare).lacks, read_changes(None).lacks) == (NO_HISTORY, NO_HISTORY)
    publish(clone, "first", U1="holds")
    publish(clone, "other", U1="weak")
    shallow = bare / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", clone.as_uri(), shallow], check=True)
    found = read_changes(shallow)
    assert found.changes == () and "shallow clone" in found.lacks
    assert changes(found) == found.lacks


def test_the_table_has_a_row_a_commit_and_run_newest_first(clone):
    assert changes(read_changes(clone)) == NONE
    publish(clone, "first", U1="holds", U2="open")
    publish(clone, "a | b", U1="weak", U2="inconclusive")
    publish(clone, "last", U1="holds", U2="inconclusive")
    last, first = changes(read_changes(clone)).replace(NO_BREAK, " ").splitlines()[2:]
    assert last.endswith(" last | `pocket` | **U1** ≈ weak → ✓ holds |")
    assert first.endswith(" a \\| b | `pocket` | **U1** ✓ holds → ≈ weak, **U2** open → ? inconclusive |")
