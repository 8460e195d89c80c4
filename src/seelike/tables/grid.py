"""The scorecard as one table to sort and filter: a row a claim, a column a run, each cell a link to its figure.

It is HTML, as `book/_static/scorecard.js` finds it: in `data-order` the number by which a column is sorted, in
`data-verdict` a cell's verdict, in `data-run` the run of a column that has verdicts. It reads as well without scripts.
"""

import base64
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from seelike.results.claims import CLAIMS, PAPER, VERDICTS, Claim
from seelike.results.multiplicity import find_marginal
from seelike.results.robustness import is_fragile
from seelike.results.runs import OWN
from seelike.results.scorecard import Found
from seelike.results.verdict_words import FRAGILE, MARGINAL, MARKS
from seelike.tables.scorecard import label_of

MISSING = "not measured"
UNTRAINED = f"{OWN}, untrained"
PAPERS = "what its paper shows"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, where it leads to ("" for nowhere), by what its column is sorted, and its verdict."""

    text: str
    link: str = ""
    order: float = -1.0
    verdict: str = ""

    def __str__(self) -> str:
        shown = f'<span class="verdict">{self.text}</span>' if self.verdict else html.escape(self.text)
        return f'<a href="{self.link}">{shown}</a>' if self.link else shown


def _write(cell: Cell, counted: Cell | None = None) -> str:
    """A cell as HTML; of a verdict, below it, in how many analyses it stands, by which equal verdicts are sorted."""
    known = counted is not None and counted.link
    below = f'<span class="analyses">{counted}</span>' if known else ""
    order = cell.order + min(counted.order, 0.999) if known else cell.order
    judged = f' data-verdict="{cell.verdict}"' if cell.verdict else ""
    return f'<td data-order="{order:g}"{judged}>{cell}{below}</td>'


def show(found: Found) -> str:
    """The table of all claims that any run has measured, those of other papers too; below it, a link to it as CSV.

    Args:
        found: run → claim id → its entry.
    """
    rows = {id: fill(claim, found) for id, claim in CLAIMS.items() if any(id in claims for claims in found.values())}
    shown = (*_judged(found), PAPERS)
    heads = _head("claim", False) + "".join(_head(name, name != PAPERS) for name in shown)
    body = "".join(_row(CLAIMS[id], cells, shown) for id, cells in rows.items())
    return (
        '<div class="scorecard" tabindex="0" role="region" aria-label="All claims in all runs">'
        f'<table class="table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p><a download="scorecard.csv" href="{_encode(tabulate(rows, found))}">This table as CSV</a></p>'
    )


def list_columns(found: Found) -> list[str]:
    """The names of all columns but the first: on the page, numbers of analyses stand below the verdicts."""
    varied = [run for run, claims in found.items() if any("universes" in entry for entry in claims.values())]
    return [*_judged(found), *map(_name_analyses, varied), PAPERS]


def _judged(found: Found) -> list[str]:
    """The columns of verdicts: the first run's, that of its untrained models, the other runs'."""
    runs = list(found)
    return [*runs[:1], UNTRAINED, *runs[1:]]


def _name_analyses(run: str) -> str:
    return f"{run}, all analyses"


def fill(claim: Claim, found: Found) -> dict[str, Cell]:
    """Column → its cell in the row of a claim."""
    label, entries = label_of(claim), {run: claims.get(claim.id) for run, claims in found.items()}
    cells = {UNTRAINED: _judge(entries.get(OWN), "control_verdict", f"{claim.chapter}.html#{label}")}
    for run, entry in entries.items():
        figure = label if run == OWN else f"{label.removesuffix('effects')}{run}"
        cells[run] = _judge(entry, "verdict", f"{claim.chapter}.html#{figure}", claim.id in find_marginal(found[run]))
        cells[_name_analyses(run)] = _count_universes(entry, f"robustness.html#{_name_curve(label)}")
    source = "" if claim.source == PAPER else "Another paper: "
    figures = f" (Fig. {claim.figures})" if claim.figures else ""
    cells[PAPERS] = Cell(f"{source}{claim.paper}{figures}", "references.html")
    return {name: cells[name] for name in list_columns(found)}


def _judge(entry: Mapping | None, kind: str, link: str, marginal: bool = False) -> Cell:
    if entry is None:
        return Cell(MISSING)
    fragile = kind == "verdict" and is_fragile(entry)
    beside = f"{MARGINAL if marginal else ''}{FRAGILE if fragile else ''}"
    return Cell(f"{MARKS[entry[kind]]}{beside} {entry[kind]}", link, VERDICTS.index(entry[kind]), entry[kind])


def _count_universes(entry: Mapping | None, link: str) -> Cell:
    """In how many of its universes a verdict stands."""
    known = (entry or {}).get("universes")
    if not known:
        return Cell(MISSING)
    share = known["agree"] / known["combinations"]
    return Cell(f"{known['agree']} of {known['combinations']}", link, round(share, 3))


def _name_curve(label: str) -> str:
    """The label of the figure with the specification curves of a chapter, from that of its effects."""
    return label.replace("fig-", "fig-robustness-", 1).removesuffix("-effects")


def _head(name: str, judged: bool) -> str:
    run = f' data-run="{name}"' if judged else ""
    return f'<th scope="col"{run}>{name}</th>'


def _row(claim: Claim, cells: Mapping[str, Cell], shown: Iterable[str]) -> str:
    title = f'<a href="{claim.chapter}.html#{label_of(claim)}">{claim.id}</a> {html.escape(claim.text)}'
    written = "".join(_write(cells[name], cells.get(_name_analyses(name))) for name in shown)
    return f'<tr data-chapter="{claim.chapter}"><th scope="row">{title}</th>{written}</tr>'


def tabulate(rows: Mapping[str, Mapping[str, Cell]], found: Found) -> pd.DataFrame:
    """The same with a claim's chapter, source and words, and bare verdicts."""
    named = {"claim": list(rows)} | {
        name: [getattr(CLAIMS[id], name) for id in rows] for name in ("chapter", "source", "text")
    }
    columns = {
        name: [cells[name].verdict or cells[name].text for cells in rows.values()] for name in list_columns(found)
    }
    return pd.DataFrame(named | columns)


def _encode(table: pd.DataFrame) -> str:
    """A table as an address that holds it."""
    return f"data:text/csv;base64,{base64.b64encode(table.to_csv(index=False).encode()).decode()}"
