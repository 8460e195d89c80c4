"""Which published verdicts have changed, newest first, in Markdown."""

import html
from itertools import groupby

from seelike.results.changes import Change, Changes
from seelike.results.verdict_words import MARKS
from seelike.tables.markdown import NO_BREAK, table

NONE = "No published verdict has changed."


def changes(found: Changes) -> str:
    """One row a commit and run: when, and each claim's verdict before and after; then what could not be read."""
    groups = groupby(found.changes, key=lambda change: (change.commit.hash, change.run))
    rows = [_row(list(each)) for _, each in groups]
    listed = table([["Published", "Run", "Verdicts before and after"], ["---"] * 3, *rows[::-1]]) if rows else ""
    return "\n\n".join(filter(None, (listed, found.lacks))) or NONE


def _row(changes: list[Change]) -> list[str]:
    commit, run = changes[0].commit, changes[0].run
    subject = html.escape(commit.subject).replace("|", "\\|")
    told = ", ".join(f"**{each.claim}**{NO_BREAK}{_name(each.before)} → {_name(each.after)}" for each in changes)
    return [f"{commit.date}<br>`{commit.hash[:7]}` {subject}", f"`{run}`", told]


def _name(verdict: str) -> str:
    """`✓ holds`; verdicts of older rules have no mark."""
    return NO_BREAK.join(filter(None, (MARKS.get(verdict, ""), verdict.replace(" ", NO_BREAK))))
