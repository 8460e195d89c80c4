"""What a user waits for: an import, a model, a chapter, the book."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import timm

from seelike.chapters.registry import CHAPTERS
from seelike.models import bundled


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


def time_book() -> float:
    """Seconds to execute every page of the book anew, as `make book` does before it builds the site."""
    with tempfile.TemporaryDirectory() as folder:
        return _time("book", str(Path(folder) / "source"))


def _time(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "seelike", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
