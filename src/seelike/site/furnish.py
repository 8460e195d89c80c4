"""Lay beside the staged book what its pages link to: result files, every figure's numbers, heatmaps to hover over."""

import json
import shutil
from pathlib import Path

from seelike.site import heatmaps, narrow, numbers
from seelike.site.places import EXTRA, SOURCES
from seelike.system.files import write_text
from seelike.system.paths import RESULTS


def furnish(source: Path, results: Path) -> None:
    """Fill `<source>/extra`, and `<source>/sources.json`.

    Args:
        source: the staged book; its figures name their numbers.
        results: what its chapters found when they were executed; it comes before what is published.

    Raises KeyError for numbers that no result holds.
    """
    extra = source / EXTRA
    for folder in (RESULTS, results):
        if folder.is_dir():
            shutil.copytree(folder, extra / "results", copy_function=_copy_result, dirs_exist_ok=True)
    known, sources = numbers.read_results(extra / "results"), {}
    for notebook in sorted((source / "book").glob("*.ipynb")):
        for label, found in numbers.collect(notebook, known).items():
            found.write(extra / "numbers" / f"{label}.csv")
            sources[label] = found.sources
            drawn = [array for array in found.arrays if heatmaps.is_heatmap(array)]
            if drawn:
                heatmaps.write(drawn, label, extra / "heatmaps" / f"{label}.js")
        narrow.take(notebook, extra / narrow.FOLDER)
    write_text(source / SOURCES, json.dumps(sources))


def _copy_result(source: str, target: str) -> None:
    """The same JSON without spaces, which are a seventh of it: in the repository they make lines for its diffs."""
    text = Path(source).read_text(encoding="utf-8")
    write_text(Path(target), json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False))
