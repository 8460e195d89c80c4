"""The status of the built book: what executing each page took, and whether its numbers are the published ones."""

import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

import nbformat

from seelike.results.drift import Drift, measure_drift
from seelike.results.results import LIBRARIES
from seelike.system.paths import BOOK, RESULTS, read_commit
from seelike.system.version import __version__
from seelike.tables.markdown import NO_BREAK, table
from seelike.tables.provenance import commit, software

PROFILE = "pocket"  # what the book computes anew


def describe_run(seconds: float, peak_mib: int | None) -> dict:
    """What is noted of an execution that has just ended."""
    return {
        "seconds": round(seconds, 1),
        "peak_mib": peak_mib,
        "finished": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}",
        "machine": f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors",
        "commit": read_commit(),
        "version": __version__,
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def read_costs(costs_dir: str | Path) -> dict[str, dict]:
    """Page → what was noted of its execution, for all pages of a build; empty where there was none."""
    files = sorted(Path(costs_dir).glob("*.json")) if costs_dir else []
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def compare_published(results_dir: str | Path) -> dict[str, Drift]:
    """Chapter → how far its numbers in `results_dir` lie from the published ones; empty where there are none."""
    fresh = Path(results_dir) / PROFILE
    drifts = measure_drift(RESULTS / PROFILE, fresh) if fresh.is_dir() else []
    return {drift.chapter: drift for drift in drifts}


def pages(costs: dict[str, dict], drifts: dict[str, Drift]) -> str:
    """One row a page: seconds, memory, when it was executed, and whether its numbers are the published ones."""
    names = sorted({*costs, *drifts}, key=lambda name: (name not in drifts, name))
    if not names:
        return "No execution is noted: `make book` does so."
    lines = [["Page", "Seconds", "Peak memory", "Executed", "Numbers"], ["---", "---:", "---:", "---", "---"]]
    lines += [[_title(name), *_cost(costs.get(name, {})), _numbers(drifts.get(name))] for name in names]
    return table(lines)


def conditions(costs: dict[str, dict]) -> str:
    """One row for all pages that were executed by the same commit, software and machine."""
    groups: dict[tuple, list[str]] = {}
    for name, cost in costs.items():
        if cost:
            groups.setdefault((commit(cost["commit"]), software(cost), cost["machine"]), []).append(name)
    lines = [["Pages", "Commit", "Software", "Machine"], ["---"] * 4]
    every = len(groups) == 1
    lines += [["all" if every else ", ".join(map(_title, names)), *group] for group, names in groups.items()]
    return table(lines) if groups else ""


def phrases(costs: dict[str, dict], drifts: dict[str, Drift]) -> dict[str, str]:
    """What prose may cite, by name."""
    agreeing = sum(drift.agrees for drift in drifts.values())
    return {
        "compared": str(len(drifts)),
        "agreement": "all of them agree" if agreeing == len(drifts) else f"{agreeing} of them agree",
        "minutes": f"{sum(cost.get('seconds', 0) for cost in costs.values()) / 60:.0f}",
        "largest": f"{max((drift.largest for drift in drifts.values()), default=0):.1g}",
    }


def _title(name: str) -> str:
    """A page's title, linked."""
    file = BOOK / f"{name}.ipynb"
    prose = [cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "markdown"]
    title = next(line.removeprefix("# ") for line in "\n".join(prose).splitlines() if line.startswith("# "))
    return f"[{title}]({file.name})"


def _cost(cost: dict) -> list[str]:
    if not cost:
        return ["not noted"] * 3
    memory = f"{cost['peak_mib']:,}{NO_BREAK}MiB" if cost["peak_mib"] is not None else "unknown"
    return [f"{cost['seconds']:,.0f}", memory, cost["finished"].replace("-", "\N{NON-BREAKING HYPHEN}")]


def _numbers(drift: Drift | None) -> str:
    if drift is None:
        return "none of its own"
    if not drift.agrees:
        return f"✗{NO_BREAK}differ: {'; '.join(drift.faults)}".replace("|", "\\|")
    return f"✓{NO_BREAK}agree" + (f", but for {drift.largest:.0e} in `{drift.where}`" if drift.largest else " exactly")
