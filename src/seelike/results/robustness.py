"""In how many universes each verdict of a run stands: `<run>/robustness.json`, written and read.

A universe is one option of each of a claim's choices (`results.choices`). A verdict is **fragile** where fewer than
nine in ten of its universes give it. Trainings are no choice of the analyst: what each gives alone is told apart, and
has no say in that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isclose
from pathlib import Path
from types import NoneType

from seelike.results import json_text, schema
from seelike.results.choices import Choices
from seelike.results.claims import CLAIMS, NOT_APPLICABLE
from seelike.system.errors import InputError

NAME = "robustness"
VALIDATOR = schema.read_schema("robustness.schema.json")
FORMAT = 1
NEAR = 0.01  # effects that differ by less, relatively where they are beyond 1, are those of one result
LEAST = 0.9  # of the universes, in which a verdict stands that is not fragile
VERDICT, ALONE = "verdict", "each training alone"  # columns beside choices and parts
COUNTED = ("verdict", "combinations", "agree")
BOUNDS = ("", " low", " high", " verdict")  # columns of a part


@dataclass(frozen=True)
class Outcome:
    """A claim in one universe: its verdict, those of each training alone, and of each part effect, low, high, verdict.

    Numbers that are not defined are None.
    """

    choices: Choices
    verdict: str
    alone: tuple[str, ...]
    parts: dict[str, tuple[float | None, float | None, float | None, str]]


@dataclass(frozen=True)
class Robust:
    """A claim in all its universes; `published` are the choices of the published verdict."""

    published: Choices
    outcomes: tuple[Outcome, ...]

    @property
    def verdict(self) -> str:
        """The published one."""
        return self.outcome.verdict

    @property
    def combinations(self) -> int:
        return len(self.outcomes)

    @cached_property
    def agree(self) -> int:
        """In how many universes the verdict is the published one."""
        return sum(each.verdict == self.verdict for each in self.outcomes)

    @property
    def applies(self) -> bool:
        """Whether there is anything to judge: not so of a claim about ResNets in a run whose CNN is none."""
        return self.verdict != NOT_APPLICABLE

    @property
    def fragile(self) -> bool:
        return self.agree < LEAST * self.combinations

    @property
    def outcome(self) -> Outcome:
        """The published one."""
        return next(each for each in self.outcomes if each.choices == self.published)

    def is_of(self, entry: Mapping) -> bool:
        """Whether the published universe is the one of a result's entry: its verdict, and about its effects."""
        effects = [(own[0], entry["parts"][part]["effect"]) for part, own in self.outcome.parts.items()]
        near = all(one == other or (None not in (one, other) and isclose(one, other, rel_tol=NEAR, abs_tol=NEAR))
                   for one, other in effects)  # fmt: skip
        return near and self.verdict == entry["verdict"]

    def count_alone(self) -> tuple[int, int]:
        """Of the verdicts of single trainings, in all universes, how many are the published one, of how many."""
        verdicts = [verdict for each in self.outcomes for verdict in each.alone]
        return verdicts.count(self.verdict), len(verdicts)

    def list_options(self) -> dict[str, list[str]]:
        """Choice → its options, in the order in which they came."""
        return {name: list(dict.fromkeys(each.choices[name] for each in self.outcomes)) for name in self.published}

    def only(self, **options: str) -> list[Outcome]:
        """The outcomes of some options."""
        return [each for each in self.outcomes if options.items() <= each.choices.items()]

    def vary_alone(self, choice: str) -> dict[str, Outcome]:
        """Option of one choice → the outcome with it, all others being the published ones."""
        wanted = {option: self.published | {choice: option} for option in self.list_options()[choice]}
        known = {option: [each for each in self.outcomes if each.choices == own] for option, own in wanted.items()}
        return {option: found[0] for option, found in known.items() if found}


Found = dict[str, Robust]  # by claim


def write(results_dir: str | Path, profile: str, claims: Found, provenance: dict) -> Path:
    """Write `<results_dir>/<profile>/robustness.json`, whole or not at all; returns its path."""
    ordered = {claim: _entry(claim, claims[claim]) for claim in CLAIMS if claim in claims}
    content = {"format": FORMAT, "profile": profile, "provenance": provenance, "claims": ordered}
    return json_text.write(Path(results_dir) / profile / f"{NAME}.json", content)


def _entry(claim: str, robust: Robust) -> dict:
    columns = [*robust.published, VERDICT, ALONE, *_name_columns(claim)]
    rows = [[*each.choices.values(), each.verdict, ", ".join(each.alone), *_flatten(each)] for each in robust.outcomes]
    counted = dict(zip(COUNTED, (robust.verdict, robust.combinations, robust.agree), strict=True))
    return counted | {"published": robust.published, "columns": columns, "universes": rows}


def _name_columns(claim: str) -> list[str]:
    return [part.id + kind for part in CLAIMS[claim].parts for kind in BOUNDS]


def _flatten(outcome: Outcome) -> list:
    return [value for of in outcome.parts.values() for value in of]


def read(path: str | Path) -> Found:
    """The claims of a file. Raises InputError, which names the file and what is wrong with it."""
    stamp = Path(path).stat().st_mtime_ns if Path(path).is_file() else 0
    return dict(_read(Path(path), stamp))


def read_traces(path: str | Path) -> dict[str, dict]:
    """Chapter → how its universes were measured, with the commit. Raises InputError, which names the file."""
    about = json_text.read(path, "the robustness file")["provenance"]
    return {name: {"commit": about["commit"]} | each for name, each in about["chapters"].items()}


@lru_cache(maxsize=32)  # every chapter asks, and every run
def _read(path: Path, stamp: int) -> Found:
    what = f"the robustness file {path}"
    plain = json_text.read(path, "the robustness file")
    if isinstance(plain, dict) and plain.get("format") != FORMAT:
        raise InputError(f"{what} is of another form than {FORMAT}: measure it anew")
    schema.examine(plain, what, VALIDATOR)
    return {
        claim: _read_claim(claim, entry, f"{what} is damaged at {claim}") for claim, entry in plain["claims"].items()
    }


def _read_claim(claim: str, entry: dict, complaint: str) -> Robust:
    if claim not in CLAIMS:
        raise InputError(f"{complaint}: the book has no such claim")
    columns = [*entry["published"], VERDICT, ALONE, *_name_columns(claim)]
    if entry["columns"] != columns or any(not _fits(row, columns, entry["published"]) for row in entry["universes"]):
        raise InputError(f"{complaint}: its columns are not {', '.join(columns)}")
    robust = Robust(entry["published"], tuple(_read_row(claim, entry["published"], row) for row in entry["universes"]))
    if robust.published not in [each.choices for each in robust.outcomes]:
        raise InputError(f"{complaint}: the published universe is not in it")
    if (robust.verdict, robust.combinations, robust.agree) != tuple(entry[name] for name in COUNTED):
        raise InputError(f"{complaint}: it counts other universes than it lists")
    return robust


def _fits(row: list, columns: list[str], published: Choices) -> bool:
    """Whether a row has a cell for each column, words where options and verdicts stand, numbers or None elsewhere."""
    worded = [name in published or name.endswith((VERDICT, ALONE)) for name in columns]
    fit = {True: (str,), False: (int, float, NoneType)}
    return len(row) == len(columns) and all(type(cell) in fit[text] for cell, text in zip(row, worded, strict=True))


def _read_row(claim: str, names: Choices, row: list) -> Outcome:
    n = len(names)
    parts = zip(CLAIMS[claim].parts, zip(*[iter(row[n + 2 :])] * len(BOUNDS), strict=True), strict=True)
    alone = tuple(filter(None, row[n + 1].split(", ")))
    return Outcome(dict(zip(names, row, strict=False)), row[n], alone, {part.id: tuple(of) for part, of in parts})


def choose_judged(robust: Found) -> Found:
    """The claims that apply."""
    return {claim: each for claim, each in robust.items() if each.applies}


def attach(claims: dict[str, dict], robust: Found) -> None:
    """Note with the entries of a result in how many universes their verdicts stand, as `universes`.

    Left out are those that do not apply, and those of which the file has another verdict, or effects: it is of other
    results.
    """
    for claim, entry in claims.items():
        if claim in robust and robust[claim].applies and robust[claim].is_of(entry):
            entry["universes"] = {"agree": robust[claim].agree, "combinations": robust[claim].combinations}


def is_fragile(entry: Mapping) -> bool:
    """Whether the verdict of such an entry is fragile; not so where its universes are not known."""
    known = entry.get("universes")
    return bool(known) and known["agree"] < LEAST * known["combinations"]
