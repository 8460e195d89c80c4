"""An array whose axes have names and labels, as result files keep it, as JSON or as a table of pandas; both ways."""

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seelike.results import json_text
from seelike.system.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

VALUE = "value"  # the one column of a table of one axis


@dataclass(frozen=True, eq=False)
class LabelledArray:
    """`values`, float64, in the order of `axes`: {name: labels}.

    `units` is "px", or "" for a number without. `boundaries`, where they are known, part the first axis, as a CNN's
    stages do: how many labels come before each of them, in files `stage_ends`. `uniform` is what attention to all
    patches alike would give, of an array of attention distances.

    Raises InputError where the values are not of the axes' shape.
    """

    axes: dict[str, list]
    values: np.ndarray
    units: str = ""
    boundaries: list[int] | None = None
    uniform: float | None = None

    def __post_init__(self):
        values, shape = np.array(self.values, float), tuple(len(labels) for labels in self.axes.values())
        if values.shape != shape:
            raise InputError(f"values must have the shape of the axes, {shape}, not {values.shape}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "axes", {name: list(labels) for name, labels in self.axes.items()})

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.values, dtype) if copy or dtype else self.values

    @classmethod
    def of(cls, entry: dict) -> "LabelledArray":
        """From the dictionary that stands in a result file."""
        boundaries, uniform = entry.get("stage_ends"), entry.get("uniform")
        return cls(entry["axes"], entry["values"], entry.get("units", ""), boundaries, uniform)

    def entry(self) -> dict:
        """The dictionary that stands in a result file: axes, values and what else is known."""
        known = {"units": self.units or None, "stage_ends": self.boundaries, "uniform": self.uniform}
        kept = {name: value for name, value in known.items() if value is not None}
        return {"axes": self.axes, "values": self.values} | kept

    @classmethod
    def from_json(cls, text: str) -> "LabelledArray":
        """From what `to_json` gives; raises InputError for anything else."""
        try:
            return cls.of(json.loads(text))
        except InputError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(
                'text must be JSON of {"axes": {name: labels}, "values": numbers in their order}'
            ) from None

    def to_json(self) -> str:
        """As it stands in a result file: numbers rounded to 6 decimals, NaN as null."""
        return json_text.pretty(json_text.plain(self.entry()))

    @classmethod
    def load(cls, path: str | Path) -> "LabelledArray":
        """From a file that `save` wrote; raises InputError, which names the file."""
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"the array {path} cannot be read: {error}") from None

    def save(self, path: str | Path) -> Path:
        """Write what `to_json` gives to a file, whole or not at all; returns its path."""
        try:
            return json_text.write(Path(path), self.entry())
        except OSError as error:
            raise InputError(f"path {str(path)!r} cannot be written: {error.strerror}") from None

    def to_dataframe(self) -> "DataFrame":
        """The last axis along the columns, the others as index; an array of one axis is one column, "value".

        Units, boundaries and the rest stand in the table's `attrs`.
        """
        import pandas

        names = list(self.axes)
        down, across = (names, None) if len(names) == 1 else (names[:-1], names[-1])
        index = pandas.MultiIndex.from_product([self.axes[name] for name in down], names=down)
        columns = pandas.Index(self.axes[across] if across else [VALUE], name=across)
        values = self.values.reshape(len(index), len(columns))
        table = pandas.DataFrame(values, index.get_level_values(0) if len(down) == 1 else index, columns)
        table.attrs = {name: value for name, value in self.entry().items() if name not in ("axes", "values")}
        return table

    @classmethod
    def from_dataframe(cls, table: "DataFrame") -> "LabelledArray":
        """From what `to_dataframe` gives.

        Raises InputError unless index and columns are named and the rows are all combinations of labels, in order.
        """
        axes = {name: list(dict.fromkeys(table.index.get_level_values(name))) for name in table.index.names}
        rows = [label if isinstance(label, tuple) else (label,) for label in table.index]
        if table.columns.name is not None or list(table.columns) != [VALUE]:
            axes[table.columns.name] = list(table.columns)
        if None in axes or rows != list(product(*list(axes.values())[: table.index.nlevels])):
            raise InputError("the table must have a named index and columns, and a row for each combination of labels")
        shape = [len(labels) for labels in axes.values()]
        return cls.of({"axes": axes, "values": table.to_numpy(float).reshape(shape)} | table.attrs)


Arrays = dict[str, LabelledArray]  # model, or pair → its array
Measures = dict[str, Arrays]  # measure → its arrays
