"""Result files: the numbers behind every figure, with where they came from."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from seelike.results import json_text, robustness, schema
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.paths import read_commit
from seelike.system.version import __version__

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "scipy", "safetensors", "pillow")


@dataclass
class Result:
    """All that a chapter found.

    `measures` maps measure → model (or pair) → labelled array; a control stands beside its measure as
    `<measure>_random`. `claims` maps claim id → effect, interval, control and verdict.
    """

    chapter: str
    profile: str
    parameters: dict
    provenance: dict
    measures: Measures = field(default_factory=dict)
    claims: dict[str, dict] = field(default_factory=dict)

    def save(self, results_dir: str | Path) -> Path:
        """Write `<results_dir>/<profile>/<chapter>.json`, whole or not at all; returns its path."""
        entries = _each(LabelledArray.entry, self.measures)
        plain = json_text.plain({"format": schema.FORMAT} | vars(self) | {"measures": entries})
        schema.check(plain)
        path = Path(results_dir) / self.profile / f"{self.chapter}.json"
        return json_text.write(path, plain)

    @classmethod
    def load(cls, path: str | Path) -> "Result":
        """Read a result file; values are float64, null becomes NaN.

        Raises InputError if it is missing, no JSON, or not in the form that `save` writes.
        """
        plain = schema.read(path)
        del plain["format"]
        return cls(**plain | {"measures": _each(LabelledArray.of, plain["measures"])})


def list_results(folder: Path) -> list[Path]:
    """The result files of a run's folder, by name."""
    return sorted(path for path in folder.glob("*.json") if path.stem != robustness.NAME)


def _each(change: Callable, measures: dict[str, dict]) -> dict[str, dict]:
    """The same of every array."""
    return {measure: {model: change(of) for model, of in models.items()} for measure, models in measures.items()}


def trace(started: float, models: dict, dataset: dict, device: str) -> dict:
    """The provenance of a run that began at `started` (`time.monotonic()`)."""
    return {
        "version": __version__,
        "commit": read_commit(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "models": models,
        "dataset": dataset,
        "device": device,
        "seconds": round(time.monotonic() - started, 1),
        "peak_mib": peak_mib(),
    }


def peak_mib() -> int | None:
    """The largest resident memory of this process so far, in MiB; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 2**10
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
