"""A Sphinx extension: lay the files of the page "Look for yourself" beside the site.

To measure them takes a core as long as Sphinx takes another, and Sphinx reads none of them: a process of its own does
that meanwhile (`seelike.site.explorer`).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from seelike.site.places import SOURCES

PAGE = "book/explorer.md"
FOLDER = "explorer"  # of the files, beside the staged book and at the root of the site
COMMAND = (sys.executable, "-m", "seelike.site.explorer")  # then where to keep what is measured; it prints where


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", begin)
    app.connect("build-finished", finish, priority=950)  # after all else, so that there is time
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def begin(app: Sphinx) -> None:
    """Start to measure, where a staged book has the page."""
    app.exploring = None
    if app.builder.format == "html" and all(Path(app.srcdir, name).is_file() for name in (PAGE, SOURCES)):
        threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) - 1))}
        asked = [*COMMAND, str(Path(app.srcdir).parent)]
        app.exploring = subprocess.Popen(asked, env=os.environ | threads, stdout=subprocess.PIPE, text=True)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Wait for the files, and lay them into the site. Raises ExtensionError where they could not be measured."""
    if not app.exploring:
        return
    if error:
        app.exploring.kill()
    said, _ = app.exploring.communicate()
    if error:
        return
    if app.exploring.returncode:
        raise ExtensionError(f"the files of {PAGE} could not be measured; what went wrong is said above")
    shutil.copytree(said.splitlines()[-1], Path(app.outdir, FOLDER), dirs_exist_ok=True)
