"""What a user waits for: an import, a model, a chapter, the book."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import timm
from clock import run_apart

from seelike.chapters.registry import CHAPTERS
from seelike.models import bundled
from seelike.system.paths import REPOSITORY

BASE = {"images": 128, "depth": 8, "side": 56}
SIZES = {"images": (128, 256, 512), "depth": (4, 8, 16), "side": (56, 80, 112)}  # one at a time, the others as above


def time_import() -> float:
    """Seconds of a fresh `import seelike.models`, the best of three processes."""
    script = "import time; start = time.perf_counter(); import seelike.models; print(time.perf_counter() - start)"
    runs = (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(3)
    )
    return min(float(run.stdout) for run in runs)


def time_loading() -> dict[str, float]:
    """Seconds to load each bundled architecture, its hash checked."""
    found = {}
    for name in bundled.ARCHITECTURES:
        start = time.perf_counter()
        timm.create_model(name, pretrained=True)
        found[name] = time.perf_counter() - start
    return found


def time_chapters(settings: tuple[str, ...] = ()) -> dict[str, float]:
    """Seconds of every chapter's measuring at its defaults (or with settings that it has), one after the other."""
    found = {}
    for chapter in CHAPTERS:
        with tempfile.TemporaryDirectory() as folder:
            words = [word for setting in settings for word in ("-p", setting)]
            found[chapter] = _time("measure", chapter, "-o", folder, *words)
    return found


def measure_growth(chapters: Iterable[str] = tuple(CHAPTERS), sizes: dict[str, tuple[int, ...]] = SIZES) -> dict:
    """Chapter → what grew ("images", "depth" of the transformers, "side" of the images) → its runs, and exponents."""
    return {chapter: {axis: _grow(chapter, axis, each) for axis, each in sizes.items()} for chapter in chapters}


def _grow(chapter: str, axis: str, sizes: tuple[int, ...]) -> dict:
    """Each run a process of its own; `exponents` of its seconds, and of the memory added to what it began with."""
    runs = [{axis: size} | _measure_chapter(chapter, **(BASE | {axis: size})) for size in sizes]
    seconds = [run["seconds"] for run in runs]
    added = [max(1, run["peak_mib"] - run["before_mib"]) for run in runs]
    return {"runs": runs, "exponents": {"seconds": fit_exponent(sizes, seconds), "mib": fit_exponent(sizes, added)}}


@cache
def _measure_chapter(chapter: str, images: int, depth: int, side: int) -> dict:
    words = ["--images", str(images), "--depth", str(depth), "--side", str(side)]
    return json.loads(run_apart("chapters.py", chapter, *words).splitlines()[-1])


def fit_exponent(sizes: Iterable[float], values: Iterable[float]) -> float:
    """The e of values = c · sizesᵉ, by least squares of their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def time_tests() -> float:
    """Minutes of `make test`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    start = time.perf_counter()
    subprocess.run(["make", "test"], cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) / 60


def time_public(words: Iterable[str]) -> float:
    """Minutes of `seelike run all` with these words, such as a profile of public models and photographs."""
    with tempfile.TemporaryDirectory() as folder:
        return _time("run", "all", "-o", folder, *words) / 60


def time_book() -> float:
    """Seconds to execute every page of the book anew, as `make book` does before it builds the site."""
    with tempfile.TemporaryDirectory() as folder:
        return _time("book", str(Path(folder) / "source"))


def _time(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "seelike", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
