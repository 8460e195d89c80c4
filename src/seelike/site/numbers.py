"""The numbers that a figure draws, as a CSV file beside it; whole results are JSON files of their own.

One row a number, except of matrices of more than `MOST_ROWS` columns, such as the CKA of many layers: these stay
matrices, in a fifth of the bytes.

A cell that draws a figure names them in its metadata, by result file and array:
`"seelike": {"numbers": {"uniformity/pocket": ["cka/vit", "cka/cnn"], "uniformity/*": ["claims"]}}`. A measure without
a model after it means all of its models; of claims those of one table of the scorecard can be named (`TABLES`). A cell
that draws from no result hands its numbers out, see `hand_out`.
"""

from collections.abc import Container
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd

from seelike.results.claims import AROUND, CLAIMS, INTERVALS, OF_PAPER
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result, list_results
from seelike.results.runs import read_runs
from seelike.tables.hand_out import MIME

MOST_ROWS = 24  # labels of an array's last axis that have a row each
TABLES = {"claims": CLAIMS, "claims of the paper": OF_PAPER, "claims around the paper": AROUND}


@dataclass(frozen=True)
class Array:
    """A labelled array of a result, with where it is from."""

    chapter: str
    scale: str
    measure: str
    model: str
    labelled: LabelledArray

    def tabulate(self) -> pd.DataFrame:
        """The array's measure and name, the label on every axis, and the value; or, of many, the last axis' values."""
        is_matrix = self.labelled.values.ndim > 1 and self.labelled.values.shape[-1] > MOST_ROWS
        table = self._spread_values() if is_matrix else self._list_values()
        table.insert(0, "measure", self.measure)
        table.insert(1, "array", self.model)
        return table

    def _list_values(self) -> pd.DataFrame:
        """One row a value; a pair that is the same both ways once."""
        labels = pd.MultiIndex.from_product(self.labelled.axes.values(), names=self._name_axes())
        return pd.DataFrame({"value": self.labelled.values.flatten()}, index=labels).reset_index()[self._find_pairs()]

    def _spread_values(self) -> pd.DataFrame:
        """A matrix: the last axis along the columns; what is left of its name is "layer \\ other"."""
        (*names, across), (*down, columns) = self._name_axes(), self.labelled.axes.values()
        index = pd.MultiIndex.from_product(down, names=[*names[:-1], f"{names[-1]} \\ {across}"])
        values = self.labelled.values.reshape(len(index), len(columns))
        return pd.DataFrame(values, index=index, columns=list(map(str, columns))).reset_index()

    def _name_axes(self) -> list[str]:
        taken = {"measure": "similarity measure", "value": "quantity"}  # names that columns of the table have
        return [taken.get(axis, axis) for axis in self.labelled.axes]

    def _find_pairs(self) -> np.ndarray:
        """(values,): all but those that a matrix of a model's layers with themselves has a second time."""
        axes, values = [*self.labelled.axes.values()], self.labelled.values
        if len(axes) != 2 or list(axes[0]) != list(axes[1]) or not np.array_equal(values, values.T, equal_nan=True):
            return np.ones(values.size, dtype=bool)
        return np.triu(np.ones(values.shape, dtype=bool)).ravel()


@dataclass(frozen=True)
class Numbers:
    """All that one figure draws; `sources` are the result files, `chapter/scale`."""

    arrays: tuple[Array, ...]
    rows: pd.DataFrame  # claims, or what the cell handed out
    sources: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Write a CSV file, arrays of several results and axes below each other."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tables = [array.tabulate() for array in self.arrays] or [self.rows]
        pd.concat(tables).to_csv(path, index=False, float_format="{:.12g}".format)


def collect(notebook: Path, results: dict[str, Result]) -> dict[str, Numbers]:
    """Label of a figure → its numbers, of `results` or handed out; what was is taken out of the notebook.

    Raises KeyError for numbers that no result holds.
    """
    found = {label: find(named, results) for label, named in read_named(notebook).items()}
    handed = {label: Numbers((), table, ()) for label, table in take_handed_out(notebook).items()}
    return {label: each for label, each in found.items() if each.sources} | handed


def read_named(notebook: Path) -> dict[str, dict[str, list[str]]]:
    """Label of a figure → the numbers that its cell names."""
    cells = nbformat.read(notebook, as_version=4).cells
    named = {_label_of(cell): cell.metadata.get("seelike", {}).get("numbers") for cell in cells}
    return {label: numbers for label, numbers in named.items() if label and numbers}


def take_handed_out(notebook: Path) -> dict[str, pd.DataFrame]:
    """Label of a figure → the table that its cell handed out, which is taken out of the notebook."""
    page = nbformat.read(notebook, as_version=4)
    tables = {}
    for cell in page.cells:
        for output in [each for each in cell.get("outputs", []) if MIME in each.get("data", {})]:
            tables[_label_of(cell)] = _read_table(output.data[MIME])
            cell.outputs.remove(output)
    if tables:
        nbformat.write(page, notebook)
    return tables


def read_results(results_dir: Path) -> dict[str, Result]:
    """`chapter/run` → its result, run by run, from `<results_dir>/<run>/<chapter>.json`."""
    files = ((scale, path) for scale in read_runs() for path in list_results(results_dir / scale))
    return {f"{path.stem}/{scale}": Result.load(path) for scale, path in files}


def find(named: dict[str, list[str]], results: dict[str, Result]) -> Numbers:
    """Take what a cell names from the `results` of `read_results`.

    A result that is not there is left out. Raises KeyError for an array that its result does not hold.
    """
    arrays: list[Array] = []
    claims: list[dict] = []
    sources: list[str] = []
    for pattern, wanted in named.items():
        for source in (source for source in results if fnmatch(source, pattern)):
            sources.append(source)
            for name in wanted:
                if name in TABLES:
                    claims += _claims_of(results[source], TABLES[name])
                else:
                    arrays += _arrays_of(results[source], name)
    return Numbers(tuple(arrays), pd.DataFrame(claims), tuple(dict.fromkeys(sources)))


def _label_of(cell: nbformat.NotebookNode) -> str | None:
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("name")


def _read_table(told: dict) -> pd.DataFrame:
    """A tabular data resource; its schema has the order of columns, which a notebook sorts by name in every row."""
    columns = [field["name"] for field in told.get("schema", {}).get("fields", [])]
    return pd.DataFrame(told["data"], columns=columns or None)


def _arrays_of(result: Result, name: str) -> list[Array]:
    measure, _, model = name.partition("/")
    known = result.measures[measure]
    chosen = {model: known[model]} if model else known
    return [Array(result.chapter, result.profile, measure, role, labelled) for role, labelled in chosen.items()]


def _claims_of(result: Result, table: Container[str]) -> list[dict]:
    """One row a part of a table's claims: what intervals cover, every number with its own, verdicts and p-values."""
    rows = []
    for claim, entry in result.claims.items():
        if claim not in table:
            continue
        shared = {"chapter": result.chapter, "scale": result.profile, "claim": claim, "claim_verdict": entry["verdict"]}
        shared |= {"covers": entry["covers"], "trainings": ", ".join(f"{k} {n}" for k, n in entry["trainings"].items())}
        for id, part in entry["parts"].items():
            row = shared | {"part": id}
            for kind, interval in INTERVALS.items():
                row |= {kind: part[kind], f"{kind}_low": part[interval][0], f"{kind}_high": part[interval][1]}
            rows.append(row | {name: part[name] for name in ("verdict", "control_verdict", "p", "p_sign")})
    return rows
