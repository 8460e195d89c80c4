"""Lay beside the staged book what its pages link to: result files, every figure's numbers, heatmaps to hover over."""

import shutil
from pathlib import Path

from seelike.site import heatmaps, numbers
from seelike.system.paths import RESULTS

EXTRA = "extra"  # the folder, in the staged book, whose contents come to lie at the root of the site


def furnish(source: Path, results: Path) -> None:
    """Fill `<source>/extra`.

    Args:
        source: the staged book; its figures name their numbers.
        results: what its chapters found when they were executed; it comes before what is published.

    Raises KeyError for numbers that no result holds.
    """
    extra = source / EXTRA
    for folder in (RESULTS, results):
        if folder.is_dir():
            shutil.copytree(folder, extra / "results", dirs_exist_ok=True)
    (extra / "heatmaps").mkdir(parents=True)
    shutil.copy(heatmaps.LIBRARY, extra / "heatmaps")
    known = numbers.read_results(extra / "results")
    for notebook in sorted((source / "book").glob("*.ipynb")):
        for label, named in numbers.read_named(notebook).items():
            found = numbers.find(named, known)
            if found.sources:
                found.write(extra / "numbers" / label)
                drawn = [array for array in found.arrays if heatmaps.is_heatmap(array)]
                if drawn:
                    heatmaps.write(drawn, label, extra / "heatmaps" / f"{label}.js")
        for label, table in numbers.take_handed_out(notebook).items():
            numbers.Numbers((), table, ()).write(extra / "numbers" / label)
